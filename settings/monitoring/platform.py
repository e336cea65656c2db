"""Alerts of what the platform stands on: limits, certificates, edge, Redis, Fabric workers, the alarm itself."""

from functools import partial

from catalogue.nodes import NODES
from common.alerts import THRESHOLD, Alert, Group, Threshold
from settings.monitoring.messaging import CRITICAL, INFO, WARNING
from settings.monitoring.targets import by, edge_match, labels, location
from settings.settings import Settings

DAY = 86400
OUTBOX, PROJECTOR = "outbox-submitter", "projector"
"""Only they export these figures: where one is absent, an alert or a panel of it would wait forever."""


def quota_percent(settings: Settings) -> str:
    """Return per cent of the namespace's quota that is used, by resource."""
    quota = f'namespace="{settings.network.namespace}",resourcequota="{settings.stack.quota.name}"'
    used, hard = (
        f'max by (namespace, resource) (kube_resourcequota{{{quota},type="{kind}"}})' for kind in ("used", "hard")
    )
    return f"100 * {used} / ({hard} > 0)"


def certificate_left(settings: Settings) -> str:
    """Return seconds until each certificate ends."""
    match = f'namespace="{settings.network.namespace}"'
    return f"min by (namespace, name) (certmanager_certificate_expiration_timestamp_seconds{{{match}}}) - time()"


def rejected_logins(settings: Settings) -> str:
    """Return log-ins that Redis rejected in 15 minutes."""
    return f"sum {by(settings)} (increase(redis_acl_access_denied_auth_total{{{location(settings)}}}[15m]))"


def outbox_depth(settings: Settings) -> str:
    """Return commands that wait for Fabric."""
    return f"max {by(settings)} (outbox_queue_depth{{{location(settings)}}})"


def projection_lag(settings: Settings) -> str:
    """Return blocks that the projector is behind."""
    return f"max {by(settings)} (projector_lag_blocks{{{location(settings)}}})"


def ready_nodes(settings: Settings) -> str:
    """Return 1 for each node of the network that is ready, 0 for the others; of any node where its own are unknown."""
    selector = settings.stack.scheduling.node_selector
    names = "|".join(node.name for node in NODES if set(selector.items()) <= set(node.labels.items()))
    match = f'node=~"{names or ".+"}",condition="Ready",status="true"'
    return f"max by (node) (kube_node_status_condition{{{match}}})"


def pending_claims(settings: Settings) -> str:
    """Return 1 for each claim without a volume."""
    match = f'namespace="{settings.network.namespace}",phase="Pending"'
    return f"max by (namespace, persistentvolumeclaim) (kube_persistentvolumeclaim_status_phase{{{match}}})"


def edge_up(settings: Settings) -> str:
    """Return 1 for each edge proxy that answers."""
    return f"up{{{edge_match(settings)}}}"


def edge_down(settings: Settings) -> str:
    """Return an expression that is true for a proxy that does not answer, and where fewer are known than must be."""
    up = edge_up(settings)
    known = f"count {by(settings, labels(settings).app)} ({up})"
    return f"({up} == 0) or {known} < {len(settings.stack.nodes)} or absent({up})"


def _https(settings: Settings) -> str:
    return f'{edge_match(settings)},proxy="https"'


def edge_servers(settings: Settings) -> str:
    """Return how many addresses of the ingress controller each node reaches."""
    return f"min {by(settings, 'instance')} (haproxy_backend_active_servers{{{_https(settings)}}})"


def edge_sessions(settings: Settings, window: str) -> str:
    """Return new connections of users a second, by node."""
    rate = f"rate(haproxy_frontend_sessions_total{{{_https(settings)}}}[{window}])"
    return f"sum {by(settings, 'instance')} ({rate})"


def edge_connections(settings: Settings) -> str:
    """Return open connections of users, by node."""
    return f"sum {by(settings, 'instance')} (haproxy_frontend_current_sessions{{{_https(settings)}}})"


def edge_bytes(settings: Settings) -> str:
    """Return bytes a second to users, by node."""
    return f"sum {by(settings, 'instance')} (rate(haproxy_frontend_bytes_out_total{{{_https(settings)}}}[5m]))"


def platform_group(settings: Settings) -> Group:
    """Return the alerts of a network's surroundings."""
    alerts = [
        Alert(
            name="AlertingWatchdog",
            expr="vector(1)",
            seconds=0,
            severity=INFO,
            summary="always true: when it stops arriving, alerts do not reach anybody",
            description="Alertmanager sends it to a receiver that speaks when it is not heard.",
        ),
        Alert(
            name="NodeNotReady",
            expr=f"{ready_nodes(settings)} == 0",
            seconds=120,
            severity=CRITICAL,
            summary="a node of this network is not ready",
            description="Its pods, its volumes and its share of the public traffic are away with it.",
        ),
        Alert(
            name="QuotaNearlyUsed",
            expr=f"{quota_percent(settings)} > {THRESHOLD}",
            threshold=Threshold(value=90, unit="% of the quota", low=50, high=100),
            seconds=900,
            severity=WARNING,
            summary="the namespace's quota is nearly used up",
            description="At the quota Kubernetes refuses new pods, Services or claims: a rollout would hang.",
        ),
        Alert(
            name="VolumeClaimPending",
            expr=f"{pending_claims(settings)} == 1",
            seconds=900,
            severity=WARNING,
            summary="a claim has no volume",
            description="Its pod cannot start. local-path binds a claim to the node of its first pod for good.",
        ),
        Alert(
            name="CertificateNearExpiry",
            expr=f"{certificate_left(settings)} < {THRESHOLD}",
            threshold=Threshold(value=14 * DAY, unit="s", low=DAY, high=60 * DAY, below=True),
            seconds=3600,
            severity=WARNING,
            summary="a certificate was not renewed",
            description="cert-manager renews 30 days before; two weeks later something is in its way.",
            warns_before="CertificateExpires",
        ),
        Alert(
            name="CertificateExpires",
            expr=f"{certificate_left(settings)} < {THRESHOLD}",
            threshold=Threshold(value=2 * DAY, unit="s", low=3600, high=14 * DAY, below=True),
            seconds=3600,
            severity=CRITICAL,
            summary="a certificate ends within two days",
            description="Then browsers, or Cloudflare in strict mode, refuse the host.",
        ),
        Alert(
            name="RedisPasswordRejected",
            expr=f"{rejected_logins(settings)} > {THRESHOLD}",
            threshold=Threshold(value=0, unit="rejected log-ins in 15 minutes", low=0, high=1000),
            seconds=60,
            keep_seconds=600,
            severity=WARNING,
            summary="Redis rejects a password",
            description="A service uses another network's or an old password; its pods stay Ready all the same.",
            needs_metric="redis_acl_access_denied_auth_total",
        ),
        *_workers(settings),
        *(_edge(settings) if settings.stack.edge.enabled else ()),
    ]
    name = f"gx_platform_alerts_{settings.network.name}"
    return Group(name=name, interval=60, service="platform", alerts=tuple(alerts), recordings={})


def _workers(settings: Settings) -> tuple[Alert, ...]:
    """The Fabric endorsement failure of production showed here first (production.md#promotion-and-readiness)."""
    return (
        *(_outbox(settings) if OUTBOX in settings.workloads else ()),
        *(_projector(settings) if PROJECTOR in settings.workloads else ()),
    )


def _outbox(settings: Settings) -> tuple[Alert, ...]:
    commands = partial(Threshold, unit="commands", low=1, high=100_000)
    return (
        Alert(
            name="OutboxBacklog",
            expr=f"{outbox_depth(settings)} > {THRESHOLD}",
            threshold=commands(value=100),
            seconds=600,
            severity=WARNING,
            summary="commands wait for Fabric",
            description="Registrations and payments stay unconfirmed. Endorsement or the peers are the usual reason.",
            warns_before="OutboxStuck",
        ),
        Alert(
            name="OutboxStuck",
            expr=f"{outbox_depth(settings)} > {THRESHOLD}",
            threshold=commands(value=500),
            seconds=600,
            severity=CRITICAL,
            summary="hardly any command reaches Fabric",
            description="Nothing is lost, but nothing is confirmed either.",
        ),
    )


def _projector(settings: Settings) -> tuple[Alert, ...]:
    return (
        Alert(
            name="ProjectionLag",
            expr=f"{projection_lag(settings)} > {THRESHOLD}",
            threshold=Threshold(value=10, unit="blocks", low=1, high=100_000),
            seconds=600,
            severity=WARNING,
            summary="the projector is behind the chain",
            description="Balances on screen are old; behind the limit of the network the services take themselves out.",
        ),
    )


def _edge(settings: Settings) -> tuple[Alert, ...]:
    return (
        Alert(
            name="EdgeNodeDown",
            expr=edge_down(settings),
            seconds=120,
            severity=CRITICAL,
            summary="a node's public ports do not answer",
            description="Its share of all requests fails until it is drained from DNS.",
        ),
        Alert(
            name="EdgeControllerUnreachable",
            expr=f"{edge_servers(settings)} == 0",
            seconds=60,
            severity=CRITICAL,
            summary="the edge does not reach the ingress controller",
            description="On all nodes: the controller is down. On one: a policy or the node's network.",
        ),
        Alert(
            name="EdgeNodeWithoutTraffic",
            expr=f"{edge_sessions(settings, '30m')} == 0",
            seconds=1800,
            severity=WARNING,
            summary="a node serves nobody",
            description="Drained on purpose, not in DNS, or its ports lead elsewhere, as the old nat rules did.",
        ),
    )
