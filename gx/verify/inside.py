"""What only the cluster knows: what runs, Redis, MinIO, backups, Secrets, the ingress controller, alert rules."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

from common.cluster import INGRESS_CONTROLLERS
from common.files import text_beside
from common.known_secrets import masked
from common.naming import BACKUP, MINIO, MINIO_PORT, MONITORING_NAMESPACE
from common.objects import Object, mapping, sequence
from gx.cluster.deletion import deletion
from gx.cluster.kubernetes_api import ApiError, KubernetesApi, UnreachableError
from gx.cluster.readiness import pod_ready
from gx.cluster.secret_values import decoded
from gx.verify.model import Cause, Check, CheckFailedError, Way
from gx.verify.running import Running, running
from settings.monitoring.rules import alerts, rule_file, threshold
from settings.settings import Settings

PROMETHEUS_POD = "prometheus-0:9090"
"""The pod of production's StatefulSet (production.md#cluster-and-networks); 9090 is Prometheus' own port."""
OLD_GROUPS = frozenset({"messaging_service_alerts", "messaging_minio_alerts"})
"""The groups of the reference file (production.md#monitoring): beside ours every alert would fire twice."""
CONTROLLER_PODS = 2
"""With one, production traffic depends on one pod on one node (takeover.md 17)."""
MESSAGING = "svc-messaging"
NO_RIGHT = (401, 403)


@dataclass(frozen=True, kw_only=True)
class Inside:
    """How a network is looked at from its cluster.

    Attributes:
        settings: The network.
        api: Its API server.
        others: Names of all other networks.
    """

    settings: Settings
    api: KubernetesApi
    others: tuple[str, ...]

    @property
    def namespace(self) -> str:
        """The backend's namespace."""
        return self.settings.network.namespace

    @cached_property
    def at_first(self) -> Running:
        """The workloads as they were when this was first asked for."""
        return running(self.api, self.settings)

    def changed(self) -> list[str]:
        """Return the workloads that were rolled out, came or went since then."""
        return self.at_first.changed(running(self.api, self.settings))


def inside_checks(inside: Inside) -> Iterator[Check]:
    """Yield the checks that ask the API server."""
    asked: tuple[tuple[str, str, Callable[[Inside], str]], ...] = (
        ("what runs is the release", "release", _release),
        ("MinIO is healthy", "storage", _minio),
        ("age of the last backup", "storage", _backup),
        ("Redis takes svc-messaging's own URL", "messaging", _redis),
        ("no Secret names another network", "secrets", _secrets),
        ("ingress controller's pods", "edge", _controller),
        ("alert rules are loaded", "alerts", _rules),
    )
    for name, group, ask in asked:
        yield Check(name=name, group=group, run=partial(_in_thread, inside, ask), way=Way.CLUSTER)


async def _in_thread(inside: Inside, ask: Callable[[Inside], str]) -> str:
    try:
        return await asyncio.to_thread(ask, inside)
    except ApiError as error:
        # That this account may not look says nothing about what it would have seen.
        cause = Cause.HERE if error.status in NO_RIGHT else Cause.SEEN
        raise CheckFailedError(
            f"the API server refuses: {error.message or error.reason or error.status}", cause
        ) from None
    except UnreachableError as error:
        raise CheckFailedError(str(error), Cause.SILENT) from None


def _release(inside: Inside) -> str:
    found = inside.at_first
    wrong = found.problems(inside.settings)
    if wrong:
        raise CheckFailedError("; ".join(wrong))
    return f"{len(found.workloads)} workloads, the last rolled out at {found.since:%Y-%m-%d %H:%M} UTC"


def _minio(inside: Inside) -> str:
    """The API server's own way to MinIO is closed by the policies; what counts is the service's."""
    command = ["node", "-e", text_beside(__file__, "minio-health.js"), f"http://{MINIO}:{MINIO_PORT}"]
    return f"live and ready, for {_in_messaging(inside, command)} pods"


def _backup(inside: Inside) -> str:
    cron_job = inside.api.get("batch/v1", "CronJob", inside.namespace, BACKUP)
    if cron_job is None:
        raise CheckFailedError(f"there is no CronJob {BACKUP}")
    if state := deletion(cron_job):
        raise CheckFailedError(f"the CronJob {BACKUP} is {state}")
    if mapping(cron_job, "spec").get("suspend"):
        raise CheckFailedError(f"the CronJob {BACKUP} is suspended")
    last = str(mapping(cron_job, "status").get("lastSuccessfulTime") or "")
    if not last:
        raise CheckFailedError("no backup ever succeeded")
    age = (datetime.now(UTC) - datetime.fromisoformat(last)).total_seconds()
    limit = threshold(inside.settings, "MinIOBackupStale")
    if age > limit:
        raise CheckFailedError(f"the last backup succeeded {age / 3600:.1f} h ago, more than {limit / 3600:g}")
    return f"{age / 3600:.1f} h"


def _redis(inside: Inside) -> str:
    """A wrong password leaves the pods Ready (production.md#svc-messaging): only a login tells."""
    command = ["node", "-e", text_beside(__file__, "redis-login.js")]
    return f"{_in_messaging(inside, command)} pods logged in"


def _in_messaging(inside: Inside, command: list[str]) -> int:
    """Run a command in each ready pod of svc-messaging; return how many there are."""
    pods = [pod for pod in _pods(inside.api, inside.namespace, f"app={MESSAGING}") if pod_ready(pod)]
    if not pods:
        raise CheckFailedError(f"no pod of {MESSAGING} is ready")
    for pod in pods:
        name = pod["metadata"]["name"]
        code, said = inside.api.run_in_pod(inside.namespace, name, MESSAGING, command)
        if code != 0:
            raise CheckFailedError(f"{name}: {masked(said.strip())[:200] or f'ended with {code}'}")
    return len(pods)


def _secrets(inside: Inside) -> str:
    """Production's REDIS_URL carried another network's password (production.md, incidents 1 and 2)."""
    zone = inside.settings.network.zone
    foreign = {name: other for other in inside.others for name in _names_of(other, zone)}
    secrets = list(inside.api.list_objects("v1", "Secret", inside.namespace))
    wrong = {
        f"{secret['metadata']['name']}/{key} names {other}"
        for secret in secrets
        for key, text in mapping(secret, "data").items()
        for name, other in foreign.items()
        if name in decoded(str(text))
    }
    if wrong:
        raise CheckFailedError("; ".join(sorted(wrong)))
    return f"{len(secrets)} Secrets"


def _names_of(network: str, zone: str) -> tuple[str, ...]:
    return f"backend-{network}", f"fabric-{network}", f"{network}.{zone}"


def _controller(inside: Inside) -> str:
    controller = INGRESS_CONTROLLERS[inside.settings.stack.ingress.controller]
    service = inside.api.get("v1", "Service", controller.namespace, controller.service)
    if service is None:
        raise CheckFailedError(f"there is no Service {controller.service} in {controller.namespace}")
    selector = ",".join(f"{key}={value}" for key, value in mapping(service, "spec", "selector").items())
    ready = [pod for pod in _pods(inside.api, controller.namespace, selector) if pod_ready(pod)]
    nodes = {mapping(pod, "spec").get("nodeName") for pod in ready}
    if len(ready) < CONTROLLER_PODS:
        raise CheckFailedError(
            f"{len(ready)} ready, {CONTROLLER_PODS} are needed: a pod that moves takes all hosts down"
        )
    if len(nodes) < CONTROLLER_PODS and not inside.settings.stack.local:
        raise CheckFailedError(f"all {len(ready)} are on {', '.join(map(str, nodes))}: its end takes all hosts down")
    return f"{len(ready)} on {len(nodes)} nodes"


def _rules(inside: Inside) -> str:
    answer = inside.api.proxied(MONITORING_NAMESPACE, f"pods/{PROMETHEUS_POD}", "/api/v1/rules")
    wrong = list(rule_problems(inside.settings, sequence(answer, "data", "groups")))
    if wrong:
        raise CheckFailedError("; ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""))  # noqa: PLR2004 as many as a line holds
    return f"{len(alerts(inside.settings))} alerts"


def rule_problems(settings: Settings, loaded: Iterable[Any]) -> Iterator[str]:
    """Yield what is wrong with the rules that a Prometheus has loaded.

    Args:
        settings: The network.
        loaded: Groups, as /api/v1/rules lists them.
    """
    groups = {str(mapping(group).get("name")): group for group in loaded}
    for name in sorted(OLD_GROUPS & set(groups)):
        yield f"the old group {name} is still loaded: alerts fire twice"
    for group in rule_file(settings)["groups"]:
        found = groups.get(group["name"])
        if found is None:
            yield f"the group {group['name']} is not loaded: mount the ConfigMap {settings.network.alerts_config_map}"
            continue
        rules = {str(mapping(rule).get("name")): rule for rule in sequence(found, "rules")}
        for wanted in group["rules"]:
            name = str(wanted.get("alert") or wanted["record"])
            rule = rules.get(name)
            if rule is None:
                yield f"{name} is not loaded: Prometheus has an older file"
            elif rule.get("health") == "err":
                yield f"{name} cannot be evaluated: {rule.get('lastError')}"
            elif "alert" in wanted:
                severity = mapping(rule, "labels").get("severity")
                if severity != wanted["labels"]["severity"]:
                    yield f"{name} has the severity {severity}: Prometheus has an older file"


def _pods(api: KubernetesApi, namespace: str, selector: str) -> list[Object]:
    return list(api.list_objects("v1", "Pod", namespace, labels=selector))
