"""Objects that must exist and that the program never changes: the one typed list."""

from common.cluster import CLUSTER_SCOPE, INGRESS_CLASS
from common.naming import BACKEND_SECRETS, DNS_NAMESPACE, INGRESS_NAMESPACE, MONITORING_NAMESPACE
from common.plan import ExternalObject
from settings.settings import Settings


def externals(settings: Settings) -> tuple[ExternalObject, ...]:
    """Return every object of a network that lies outside the program: the one typed list."""
    namespace = settings.network.namespace
    redis = settings.stack.redis
    secrets = (
        ExternalObject("Secret", namespace, redis.secret, (redis.key,), "Redis password, read to build REDIS_URL"),
        ExternalObject(
            "Secret",
            namespace,
            BACKEND_SECRETS,
            ("DATABASE_USER", "DATABASE_PASSWORD", "JWT_SECRET"),
            "database log-in and the key that signs tokens",
        ),
        ExternalObject(
            "Secret", namespace, "fabric-credentials", ("ca-cert.pem", "cert.pem", "key.pem"), "mounted by the workers"
        ),
        ExternalObject("Secret", namespace, "fabric-wallet", (), "mounted by the workers"),
        ExternalObject(
            "Secret", namespace, settings.stack.ingress.api_tls_secret, ("tls.crt", "tls.key"), "by cert-manager"
        ),
        ExternalObject(
            "Secret", namespace, settings.stack.ingress.wallet_tls_secret, ("tls.crt", "tls.key"), "by cert-manager"
        ),
    )
    wanted: dict[str, list[str]] = {}
    workloads = {name: settings.workload(name) for name in settings.workloads}
    for configured in workloads.values():
        for ref in configured.secret_env.values():
            wanted.setdefault(ref.secret, []).append(ref.key)
    variables = tuple(
        ExternalObject("Secret", namespace, secret, tuple(keys), "variables of this network")
        for secret, keys in wanted.items()
    )
    services = tuple(
        ExternalObject("Service", namespace, service, (), f"of {name}")
        for name, configured in settings.stack.external_workloads.items()
        for service in configured.services
    )
    accounts = tuple(
        ExternalObject("ServiceAccount", namespace, configured.service_account, (), f"of {name}")
        for name, configured in workloads.items()
        if configured.service_account
    )
    cluster = tuple(
        ExternalObject(kind, CLUSTER_SCOPE, name, (), reason)
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
