"""What the seven API services share, and what the two workers share (production.md#workloads): written once."""

from collections.abc import Mapping
from dataclasses import replace

from catalogue.workload_spec import (
    Dependency,
    EnvValue,
    FieldPath,
    Metrics,
    Probe,
    Probes,
    Role,
    Route,
    SecretKey,
    SecretMount,
    WorkloadSpec,
)
from common.labels import PartOf, Tier
from common.naming import BACKEND_CONFIG, BACKEND_SECRETS, CONNECTIONS

API_SERVICES = (
    "svc-identity",
    "svc-admin",
    "svc-governance",
    "svc-loanpool",
    "svc-organization",
    "svc-tax",
    "svc-tokenomics",
    "svc-messaging",
)

STARTUP = Probe(path="/health", delay=5, period=5, timeout=3, failures=10, reason="50 s to connect to the database")
DATABASE_ENV: Mapping[str, EnvValue] = {
    "DATABASE_USER": SecretKey(BACKEND_SECRETS, "DATABASE_USER"),
    "DATABASE_PASSWORD": SecretKey(BACKEND_SECRETS, "DATABASE_PASSWORD"),
    "DATABASE_URL": SecretKey(CONNECTIONS, "DATABASE_URL"),
    "REDIS_URL": SecretKey(CONNECTIONS, "REDIS_URL"),
}

_API_PROBES = Probes(
    port="http",
    startup=STARTUP,
    readiness=Probe(
        path="/readyz",
        delay=10,
        period=5,
        timeout=3,
        failures=2,
        reason="10 s without the database or behind on projection takes the pod out",
    ),
    liveness=Probe(
        path="/livez", delay=30, period=10, timeout=5, failures=3, reason="30 s without an answer is a hung process"
    ),
)


def api_service(name: str, *, port: int, purpose: str, routes: tuple[str, ...] = ()) -> WorkloadSpec:
    """Return one of the seven API services, alike but for name, port and paths (production.md#workloads)."""
    return WorkloadSpec(
        name=name,
        purpose=purpose,
        role=Role.API,
        part_of=PartOf.BACKEND,
        ports={"http": port},
        service=name,
        service_ports={"http": 80},
        probes=_API_PROBES,
        env={**DATABASE_ENV, "JWT_SECRET": SecretKey(BACKEND_SECRETS, "JWT_SECRET")},
        env_from=(BACKEND_CONFIG,),
        metrics=Metrics("http"),
        service_account="backend-api",
        depends_on=frozenset({Dependency.DATABASE, Dependency.REDIS}),
        calls=tuple(service for service in API_SERVICES if service != name),
        tier=Tier.BACKEND,
        labels={"component": Role.API.value},
        api_routes=tuple(Route(path) for path in routes),
    )


def worker(
    name: str,
    *,
    port: int,
    purpose: str,
    readiness: Probe,
    liveness: Probe,
    wallet_paths: tuple[str, ...],
) -> WorkloadSpec:
    """Return one of the two Fabric workers: no public path, metrics and health on one port."""
    return WorkloadSpec(
        name=name,
        purpose=purpose,
        role=Role.WORKER,
        part_of=PartOf.BACKEND,
        ports={"metrics": port},
        service=f"{name}-metrics",
        service_ports={"metrics": port},
        probes=Probes(
            port="metrics",
            startup=replace(STARTUP, period=10, failures=12, reason="2 min to reach the Fabric peers"),
            readiness=readiness,
            liveness=liveness,
        ),
        env={**DATABASE_ENV, "WORKER_ID": FieldPath("metadata.name"), "METRICS_PORT": str(port)},
        env_from=(BACKEND_CONFIG,),
        mounts=(
            SecretMount(secret="fabric-credentials", paths=("/etc/fabric",)),
            SecretMount(secret="fabric-wallet", paths=wallet_paths),
        ),
        metrics=Metrics("metrics", by_annotation=False),
        service_account="backend-worker",
        depends_on=frozenset({Dependency.DATABASE, Dependency.REDIS, Dependency.FABRIC}),
        tier=Tier.BACKEND,
        labels={"component": Role.WORKER.value},
        await_ready=False,
    )
