"""The dashboard of svc-messaging."""

from functools import partial

from common.panels import Board, Panel, Query, Unit, one
from settings.monitoring import messaging
from settings.monitoring.messaging import WINDOWS
from settings.monitoring.targets import answering, scraped
from settings.settings import Settings

_ALERTS = 'sum by (severity) (ALERTS{{alertstate="firing",network="{network}",severity!="info"}}) or vector(0)'
_number = partial(Panel, width=4, number=True)


def messaging_board(settings: Settings) -> Board:
    """Return traffic, failures and limits of svc-messaging."""
    return Board(
        key="messaging",
        title="Messaging",
        rows=(
            ("At a glance", _messaging_numbers(settings)),
            ("Traffic", _messaging_traffic(settings)),
            ("Depends on", _messaging_depends(settings)),
            ("Pods", _messaging_pods(settings)),
        ),
    )


def _messaging_numbers(settings: Settings) -> tuple[Panel, ...]:
    objective = messaging.OBJECTIVE_PERCENT
    return (
        _number(
            title="Pods that answer",
            reading="As many as the network has replicas; none is an outage.",
            unit=Unit.COUNT,
            queries=one(answering(settings, scraped(settings, "svc-messaging")), "pods"),
            alerts=("MessagingServiceDown",),
        ),
        _number(
            title="Failed requests",
            reading="Per cent in the last five minutes.",
            unit=Unit.PERCENT,
            queries=one(messaging.failed_percent(settings), "failed"),
        ),
        _number(
            title="95 % are faster than",
            reading="Response time in the last five minutes.",
            unit=Unit.SECONDS,
            queries=one(messaging.latency(settings), "p95"),
        ),
        _number(
            title="Failed in three days",
            reading=f"Above {100 - objective:.1g} % for a month the promise of {objective} % is broken.",
            unit=Unit.SHARE,
            queries=one(messaging.burned(settings, "3d"), "failed"),
        ),
        _number(
            title="Open sockets",
            reading="Empty until svc-messaging exports the series.",
            unit=Unit.COUNT,
            queries=one(messaging.sockets(settings), "sockets"),
        ),
        _number(
            title="Alerts that fire",
            reading="Without those of severity info.",
            unit=Unit.COUNT,
            queries=one(_ALERTS.format(network=settings.network.name), "{{severity}}"),
        ),
    )


def _messaging_traffic(settings: Settings) -> tuple[Panel, ...]:
    return (
        Panel(
            title="Requests",
            reading="Probes and scrapes are left out. A fall to zero by day: nobody gets through.",
            unit=Unit.PER_SECOND,
            queries=(
                Query(expr=messaging.request_rate(settings), legend="5 minutes"),
                Query(expr=messaging.request_rate(settings, "30m"), legend="30 minutes"),
            ),
            alerts=("MessagingNoActivity",),
        ),
        Panel(
            title="Failed requests",
            reading="Per cent with status 5xx. The lines are the two alerts.",
            unit=Unit.PERCENT,
            queries=one(messaging.failed_percent(settings), "failed"),
            alerts=("MessagingHighErrorRate", "MessagingCriticalErrorRate"),
        ),
        Panel(
            title="Response time",
            reading="The buckets end at 0.1, 0.5, 1, 1.5, 2, 3, 5 and 10 s: values between them are estimated.",
            unit=Unit.SECONDS,
            queries=(
                Query(expr=messaging.latency(settings), legend="95 %"),
                Query(expr=messaging.latency(settings, "0.5"), legend="half"),
            ),
            alerts=("MessagingSlowResponseTime", "MessagingVerySlowResponseTime"),
        ),
        Panel(
            title="Share of failed requests over longer windows",
            reading="The month's budget is 0.001. Long windows say how much is gone, short ones whether it goes on.",
            unit=Unit.SHARE,
            queries=tuple(Query(expr=messaging.burned(settings, window), legend=window) for window in WINDOWS),
            alerts=("MessagingErrorBudgetBurnsFast", "MessagingErrorBudgetBurnsSlowly"),
            width=16,
        ),
        Panel(
            title="Routes that fail",
            reading="Answers 5xx a second by route: which part is broken.",
            unit=Unit.PER_SECOND,
            queries=one(messaging.failing_routes(settings), "{{route}} {{status}}"),
        ),
    )


def _messaging_depends(settings: Settings) -> tuple[Panel, ...]:
    return (
        Panel(
            title="Sockets",
            reading="Empty until svc-messaging exports the series.",
            unit=Unit.COUNT,
            queries=one(messaging.sockets(settings), "sockets"),
            alerts=("MessagingWebSocketConnectionsHigh",),
        ),
        Panel(
            title="Redis",
            reading="1 while every pod has Redis. Empty until svc-messaging exports the series.",
            unit=Unit.YES_NO,
            queries=one(messaging.redis_connected(settings), "connected"),
            alerts=("MessagingRedisDisconnected",),
        ),
        Panel(
            title="MinIO's failed answers",
            reading="5xx a second: uploads and downloads that users lose.",
            unit=Unit.PER_SECOND,
            queries=one(messaging.storage_errors(settings), "5xx"),
            alerts=("MessagingS3UploadFailures",),
        ),
    )


def _messaging_pods(settings: Settings) -> tuple[Panel, ...]:
    return (
        Panel(
            title="Memory",
            reading="Per cent of the limit; at 100 the kernel ends the pod.",
            unit=Unit.PERCENT,
            queries=one(messaging.memory(settings), "{{pod}}"),
            alerts=("MessagingHighMemoryUsage",),
        ),
        Panel(
            title="CPU",
            reading="Per cent of the limit; at 100 every request waits.",
            unit=Unit.PERCENT,
            queries=one(messaging.cpu(settings), "{{pod}}"),
            alerts=("MessagingHighCPUUsage",),
        ),
        Panel(
            title="Restarts in 15 minutes",
            reading="Each one drops the sockets of its pod.",
            unit=Unit.COUNT,
            queries=one(messaging.restarts(settings), "{{pod}}"),
            alerts=("MessagingPodRestartLoop",),
        ),
    )
