"""Objects that must exist and that the program never changes: the one typed list."""

from dataclasses import dataclass

from common.cluster import CLUSTER_SCOPE, INGRESS_CLASS
from common.naming import BACKEND_SECRETS, DNS_NAMESPACE, INGRESS_NAMESPACE, MONITORING_NAMESPACE
from settings.settings import Settings


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
