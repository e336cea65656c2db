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
POD_RANGE = "10.42.0.0/16"  # production.md 1
SERVICE_RANGE = "10.43.0.0/16"  # production.md 1
LOAD_BALANCER_ADDRESS = "217.196.51.190"  # MetalLB's, on the shared node (production.md 13)
METADATA_ADDRESS = "169.254.169.254/32"  # where clouds hand out a machine's credentials


@dataclass(frozen=True, kw_only=True)
class Controller:
    """An ingress controller: foreign, so only where it is and what it listens on.

    Attributes:
        namespace: Its namespace.
        service: The Service whose address stays while its pods move.
        pod_ports: Ports of its pods, for plain HTTP and for TLS: a policy is judged on these.
    """

    namespace: str
    service: str
    pod_ports: tuple[int, int]


CONTROLLERS = {
    "nginx": Controller(namespace=INGRESS_NAMESPACE, service="ingress-nginx-controller", pod_ports=(80, 443)),
    "traefik": Controller(namespace="traefik", service="traefik", pod_ports=(8000, 8443)),
}
"""By the setting `ingress.controller`. Traefik is not installed yet: the names are those that it must get."""


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

UNLISTED = "unlisted"
"""Pods of the namespace that are neither ours nor labelled as a known neighbour: backup Jobs and what nobody noted."""
MONITORING = "monitoring"
INGRESS = "ingress"
OUTSIDE = "outside"


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A connection that a neighbour needs and that default deny must not cut.

    Attributes:
        source: A neighbour, UNLISTED, MONITORING (any pod of that namespace) or INGRESS (the controller).
        target: A neighbour, a workload of ours, UNLISTED or OUTSIDE (the internet, no private address).
        reason: Why it must get through.
        ports: Ports of an OUTSIDE target; everywhere else the target's own.
    """

    source: str
    target: str
    reason: str
    ports: tuple[int, ...] = ()


FLOWS = (
    Flow(source="postgres", target="postgres", reason="replication"),
    Flow(source="redis", target="redis", reason="replication"),
    Flow(source="redis-sentinel", target="redis", reason="watches the master"),
    Flow(source="redis-sentinel", target="redis-sentinel", reason="agrees on a new master"),
    Flow(source="redis", target="redis-sentinel", reason="a restarted pod asks who is master"),
    Flow(source="clamav", target=OUTSIDE, reason="virus definitions", ports=(443, 80)),
    Flow(source=MONITORING, target="postgres", reason="exporter"),
    Flow(source=MONITORING, target="redis", reason="exporter"),
    Flow(source=INGRESS, target="gx-admin-frontend", reason="it is public"),
    Flow(source="gx-admin-frontend", target="svc-admin", reason="it calls the administrators' API"),
    Flow(source=UNLISTED, target="postgres", reason="postgres-backup, whose labels are not known"),
    Flow(source=UNLISTED, target="redis", reason="redis-backup, whose labels are not known"),
    Flow(source=UNLISTED, target=UNLISTED, reason="whatever else runs here goes on as before"),
    Flow(source=UNLISTED, target=OUTSIDE, reason="as before", ports=(443, 80)),
)
"""Every flow of the neighbours, once (takeover.md 23)."""


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
    workloads = {name: settings.numbers(name) for name in settings.workloads}
    for numbers in workloads.values():
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
        for name, numbers in workloads.items()
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
