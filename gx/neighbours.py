"""What lives around the program and is not ours: objects that must exist, pods that share the namespace, their flows.

Postgres, Redis, ClamAV and their backups were installed by others. They are data here, so that references resolve,
quota leaves room for them and default deny never cuts a flow between them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gx.naming import (
    BACKEND_SECRETS,
    DNS_NAMESPACE,
    INGRESS_NAMESPACE,
    MONITORING_NAMESPACE,
    POSTGRES_PORT,
    REDIS_PORT,
)
from gx.settings.settings import Settings

CLUSTER_SCOPE = ""
INGRESS_CLASS = "nginx"
ACME_SOLVER_LABEL = {"acme.cert-manager.io/http01-solver": "true"}
ACME_SOLVER_PORT = 8089
FABRIC_PORTS = (7050, 7051, 7053, 7054)  # orderer, peer, events, CA
API_SERVER_PORT = 6443  # where k3s serves behind the Service `kubernetes`
API_SERVER_SERVICE = "10.43.0.1/32"  # the first address of the Service range is always that Service's


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A group of pods in the network's namespace that the program does not own.

    Attributes:
        labels: What its pods are selected by; empty where the sources do not say.
        ports: Ports its pods listen on.
    """

    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    ports: tuple[int, ...] = ()


NEIGHBOURS: dict[str, Neighbour] = {
    "postgres": Neighbour(labels={"app": "postgres"}, ports=(POSTGRES_PORT,)),
    "redis": Neighbour(labels={"app": "redis"}, ports=(REDIS_PORT,)),
    "redis-sentinel": Neighbour(labels={"app": "redis-sentinel"}, ports=(26379,)),
    "clamav": Neighbour(labels={"app": "clamav"}, ports=(3310,)),
    "postgres-backup": Neighbour(),
    "redis-backup": Neighbour(),
    "gx-admin-frontend": Neighbour(labels={"app": "gx-admin-frontend"}, ports=(3000,)),
}

MONITORED = ("postgres", "redis")
"""Neighbours that exporters of the monitoring namespace ask."""

BEHIND_INGRESS = ("gx-admin-frontend",)
"""Neighbours that the ingress controller reaches."""

CALLS_OURS = {"gx-admin-frontend": ("svc-admin",)}
"""Workloads of ours that a neighbour calls."""


@dataclass(frozen=True)
class External:
    """An object that must exist before the program runs and that the program never changes.

    Attributes:
        kind: Kubernetes kind.
        namespace: Its namespace; empty for cluster-scoped kinds.
        name: Its name.
        keys: Keys of a Secret, or names of a Service's ports as text.
        reason: Who needs it.
    """

    kind: str
    namespace: str
    name: str
    keys: tuple[str, ...] = ()
    reason: str = ""


def externals(settings: Settings) -> tuple[External, ...]:
    """Return every object of a network that lies outside the program: the one typed list."""
    namespace = settings.network.namespace
    redis = settings.stack.redis
    secrets = (
        External("Secret", namespace, redis.secret, (redis.key,), "Redis password, read to build REDIS_URL"),
        External(
            "Secret",
            namespace,
            BACKEND_SECRETS,
            ("DATABASE_USER", "DATABASE_PASSWORD", "JWT_SECRET"),
            "database log-in and the key that signs tokens",
        ),
        External(
            "Secret", namespace, "fabric-credentials", ("ca-cert.pem", "cert.pem", "key.pem"), "mounted by the workers"
        ),
        External("Secret", namespace, "fabric-wallet", (), "mounted by the workers"),
        External("Secret", namespace, settings.stack.ingress.api_tls_secret, ("tls.crt", "tls.key"), "by cert-manager"),
        External(
            "Secret", namespace, settings.stack.ingress.wallet_tls_secret, ("tls.crt", "tls.key"), "by cert-manager"
        ),
    )
    wanted: dict[str, list[str]] = {}
    for numbers in settings.stack.workloads.values():
        for ref in numbers.secret_env.values():
            wanted.setdefault(ref.secret, []).append(ref.key)
    variables = tuple(
        External("Secret", namespace, secret, tuple(keys), "variables of this network")
        for secret, keys in wanted.items()
    )
    services = tuple(
        External("Service", namespace, service, (), f"of {name}")
        for name, numbers in settings.stack.neighbours.items()
        for service in numbers.services
    )
    accounts = tuple(
        External("ServiceAccount", namespace, numbers.service_account, (), f"of {name}")
        for name, numbers in settings.stack.workloads.items()
        if numbers.service_account
    )
    cluster = tuple(
        External(kind, CLUSTER_SCOPE, name, (), reason)
        for kind, name, reason in (
            ("Namespace", DNS_NAMESPACE, "cluster DNS; its uid identifies the cluster"),
            ("Namespace", INGRESS_NAMESPACE, "the ingress controller"),
            ("Namespace", MONITORING_NAMESPACE, "Prometheus and its rules"),
            ("Namespace", settings.network.fabric_namespace, "Fabric peers; may be absent"),
            ("IngressClass", INGRESS_CLASS, "class of every Ingress"),
            ("ClusterIssuer", settings.stack.ingress.issuer, "issues the certificates"),
        )
    )
    return (*secrets, *variables, *services, *accounts, *cluster)
