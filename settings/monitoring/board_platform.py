"""The dashboards of what the services stand on: nodes, limits, certificates, workers; and of the edge."""

from common.panels import Board, Panel, Unit, one
from settings.monitoring import platform
from settings.settings import Settings


def platform_board(settings: Settings) -> Board:
    """Return what the services stand on: nodes, limits, certificates, Redis, the workers in front of Fabric."""
    return Board(
        key="platform",
        title="Platform",
        rows=(("Ground", _ground(settings)), *((("Workers", workers),) if (workers := _workers(settings)) else ())),
    )


def _ground(settings: Settings) -> tuple[Panel, ...]:
    return (
        Panel(
            title="Nodes",
            reading="1 is ready.",
            unit=Unit.YES_NO,
            queries=one(platform.ready_nodes(settings), "{{node}}"),
            alerts=("NodeNotReady",),
        ),
        Panel(
            title="Quota used",
            reading="Per cent by resource; at 100 Kubernetes refuses new objects.",
            unit=Unit.PERCENT,
            queries=one(platform.quota_percent(settings), "{{resource}}"),
            alerts=("QuotaNearlyUsed",),
        ),
        Panel(
            title="Certificates end in",
            reading="cert-manager renews 30 days before.",
            unit=Unit.SECONDS,
            queries=one(platform.certificate_left(settings), "{{name}}"),
            alerts=("CertificateNearExpiry", "CertificateExpires"),
        ),
        Panel(
            title="Claims without a volume",
            reading="1 is waiting: its pod cannot start.",
            unit=Unit.YES_NO,
            queries=one(platform.pending_claims(settings), "{{persistentvolumeclaim}}"),
            alerts=("VolumeClaimPending",),
        ),
        Panel(
            title="Log-ins that Redis rejected",
            reading="In 15 minutes. Empty until an exporter of Redis is scraped.",
            unit=Unit.COUNT,
            queries=one(platform.rejected_logins(settings), "rejected"),
            alerts=("RedisPasswordRejected",),
        ),
        Panel(
            title="Alerting itself",
            reading="Always 1: the signal that Alertmanager passes on to whoever misses it.",
            unit=Unit.YES_NO,
            queries=one("vector(1)", "rules are evaluated"),
            alerts=("AlertingWatchdog",),
        ),
    )


def _workers(settings: Settings) -> tuple[Panel, ...]:
    panels = {
        platform.OUTBOX: Panel(
            title="Commands that wait for Fabric",
            reading="The endorsement failure of production showed here first.",
            unit=Unit.COUNT,
            queries=one(platform.outbox_depth(settings), "waiting"),
            alerts=("OutboxBacklog", "OutboxStuck"),
            width=12,
        ),
        platform.PROJECTOR: Panel(
            title="Blocks that the projector is behind",
            reading="Balances on screen are that old.",
            unit=Unit.COUNT,
            queries=one(platform.projection_lag(settings), "blocks"),
            alerts=("ProjectionLag",),
            width=12,
        ),
    }
    return tuple(panel for name, panel in panels.items() if name in settings.workloads)


def edge_board(settings: Settings) -> Board:
    """Return the proxy on the nodes' ports 80 and 443."""
    return Board(
        key="edge",
        title="Edge",
        rows=(
            (
                "Nodes",
                (
                    Panel(
                        title="Proxies that answer",
                        reading="One a node.",
                        unit=Unit.YES_NO,
                        queries=one(platform.edge_up(settings), "{{instance}}"),
                        alerts=("EdgeNodeDown",),
                    ),
                    Panel(
                        title="Addresses of the ingress controller",
                        reading="0 on all nodes: the controller is down. On one: a policy or the node's network.",
                        unit=Unit.COUNT,
                        queries=one(platform.edge_servers(settings), "{{instance}}"),
                        alerts=("EdgeControllerUnreachable",),
                    ),
                    Panel(
                        title="New connections",
                        reading="A second, by node. A node at zero serves nobody.",
                        unit=Unit.PER_SECOND,
                        queries=one(platform.edge_sessions(settings, "30m"), "{{instance}}"),
                        alerts=("EdgeNodeWithoutTraffic",),
                    ),
                ),
            ),
            (
                "Traffic",
                (
                    Panel(
                        title="Open connections",
                        reading="By node; most are WebSockets.",
                        unit=Unit.COUNT,
                        queries=one(platform.edge_connections(settings), "{{instance}}"),
                        width=12,
                    ),
                    Panel(
                        title="Bytes to users",
                        reading="A second, by node.",
                        unit=Unit.BYTES_PER_SECOND,
                        queries=one(platform.edge_bytes(settings), "{{instance}}"),
                        width=12,
                    ),
                ),
            ),
        ),
    )
