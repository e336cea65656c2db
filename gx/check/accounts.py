"""Accounts for tests on a network that may have none: counted in its database, which is only read."""

from collections.abc import Iterator

from catalogue.external_workloads import EXTERNAL_WORKLOADS
from common.known_secrets import masked
from common.naming import DATABASE_NAME
from common.objects import Object, sequence
from gx.cluster.kubernetes_api import ApiError, KubernetesApi, UnreachableError
from gx.cluster.readiness import pod_ready
from rules.finding import Finding, Severity

TEST_DOMAIN = "gxcoin.test"
"""Of every account that is made for tests (production.md#test-users)."""
_RUNBOOK = "docs/runbooks/rotation-list.md"
_COUNT = """SELECT count(*) FROM "UserProfile" WHERE split_part(lower(email), '@', 2) ~ '(^|\\.)gxcoin\\.test$'"""
_ASK = """
export PGPASSWORD="${POSTGRES_PASSWORD:-}" PGOPTIONS="-c default_transaction_read_only=on"
exec psql -XAtq -h localhost -U "${POSTGRES_USER:-postgres}" -d "$0" -c "$1"
"""
"""With the login that the server's own image was started with."""


def accounts_for_tests(api: KubernetesApi, namespace: str) -> Iterator[Finding]:
    """Yield how many accounts for tests a network holds, or why that cannot be told. Nothing is changed.

    Args:
        api: The cluster.
        namespace: The backend's namespace.
    """
    location = f"{namespace}/postgres"
    try:
        count = _counted(api, namespace)
    except (ApiError, UnreachableError, ValueError) as error:
        text = f"accounts of {TEST_DOMAIN} cannot be counted ({masked(' '.join(str(error).split()))[:200]})"
        yield Finding(check="accounts", location=location, text=text, severity=Severity.NOTE)
        return
    if count:
        text = (
            f"{count} account{'s' * (count != 1)} of the domain {TEST_DOMAIN}: anyone who knows a test password can log"
            f" in; their owner removes them ({_RUNBOOK}#test-accounts-on-mainnet)"
        )
        yield Finding(check="accounts", location=location, text=text, severity=Severity.WARNING)


def _counted(api: KubernetesApi, namespace: str) -> int:
    """Return the number of accounts.

    Raises:
        ValueError: No pod of the database could say.
    """
    labels = ",".join(f"{key}={value}" for key, value in EXTERNAL_WORKLOADS["postgres"].labels.items())
    ready = [pod for pod in api.list_objects("v1", "Pod", namespace, labels=labels) if pod_ready(pod)]
    if not ready:
        raise ValueError(f"no pod with {labels} is ready")
    pod = min(ready, key=lambda one: str(one["metadata"]["name"]))  # the first is the primary
    code, said = api.run_in_pod(
        namespace, pod["metadata"]["name"], _server(pod), ["sh", "-c", _ASK, DATABASE_NAME, _COUNT]
    )
    if code or not said.strip().isdecimal():
        raise ValueError(said.strip() or f"psql ended with {code}")
    return int(said)


def _server(pod: Object) -> str:
    """Return the container of the server: an exporter may stand beside it."""
    names = [str(container.get("name", "")) for container in sequence(pod, "spec", "containers")]
    return next((name for name in names if "postgres" in name and "exporter" not in name), names[0] if names else "")
