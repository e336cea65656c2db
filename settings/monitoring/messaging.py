"""Alerts of svc-messaging: the twelve of production (production.md#monitoring) and the error budget of its API."""

from functools import partial

from common.alerts import THRESHOLD, Alert, AlertSeverity, Group, Threshold
from settings.monitoring.targets import by, down, location, scraped
from settings.settings import Settings

OBJECTIVE_PERCENT = 99.9
"""Of all requests; what production's older SLO rules ask for (production.md#monitoring)."""
BURNS = ((14.4, "1h", "5m"), (6.0, "6h", "30m"), (3.0, "1d", "2h"), (1.0, "3d", "6h"))
"""How fast the budget of 30 days burns, over a long window and, to end soon, over a short one."""
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
"""Every window of `BURNS` once, the shortest first."""
CRITICAL, WARNING, INFO = AlertSeverity.CRITICAL, AlertSeverity.WARNING, AlertSeverity.INFO


def error_ratio(settings: Settings, window: str) -> str:
    """Return the share of failed requests over a window, from 0 to 1."""
    match = scraped(settings, "svc-messaging")
    failed = f'sum {by(settings)} (rate(http_http_requests_total{{{match},status=~"5.."}}[{window}]))'
    return f"{failed} / sum {by(settings)} (rate(http_http_requests_total{{{match}}}[{window}]))"


def failed_percent(settings: Settings) -> str:
    """Return per cent of requests that failed in the last five minutes."""
    return f"100 * {error_ratio(settings, '5m')}"


def recorded(window: str) -> str:
    """Return the name under which the ratio of a window is recorded."""
    return f"kubernetes_namespace:messaging_errors:ratio_rate{window}"


def burned(settings: Settings, window: str) -> str:
    """Return the recorded share of failed requests over a window, from 0 to 1."""
    return f"{recorded(window)}{{{location(settings)}}}"


def latency(settings: Settings, quantile: str = "0.95") -> str:
    """Return a quantile of the response time in seconds."""
    rate = f"rate(http_http_request_duration_seconds_bucket{{{scraped(settings, 'svc-messaging')}}}[5m])"
    return f"histogram_quantile({quantile}, sum {by(settings, 'le')} ({rate}))"


def request_rate(settings: Settings, window: str = "5m") -> str:
    """Return requests a second, probes and scrapes left out."""
    match = f'{scraped(settings, "svc-messaging")},route!~"/health|/metrics"'
    return f"sum {by(settings)} (rate(http_http_requests_total{{{match}}}[{window}]))"


def of_limit(usage: str, resource: str, pods: str) -> str:
    """Return per cent of a pod's limit. Labels of containers can be empty on k3s: a pod's largest series is the pod."""
    limits = f'max by (namespace, pod) (kube_pod_container_resource_limits{{{pods},resource="{resource}"}})'
    return f"100 * max by (namespace, pod) ({usage}) / {limits}"


def pods_of(settings: Settings) -> str:
    """Return the matchers of svc-messaging's pods at kube-state-metrics and the kubelet."""
    return f'namespace="{settings.network.namespace}",pod=~"svc-messaging-.*"'


def memory(settings: Settings) -> str:
    """Return per cent of the memory limit."""
    pods = pods_of(settings)
    return of_limit(f"container_memory_working_set_bytes{{{pods}}}", "memory", pods)


def cpu(settings: Settings) -> str:
    """Return per cent of the CPU limit."""
    pods = pods_of(settings)
    return of_limit(f"rate(container_cpu_usage_seconds_total{{{pods}}}[5m])", "cpu", pods)


def failing_routes(settings: Settings) -> str:
    """Return answers 5xx a second, by route."""
    match = f'{_service(settings)},status=~"5.."'
    return f"sum by (route, status) (rate(http_http_requests_total{{{match}}}[5m]))"


def sockets(settings: Settings) -> str:
    """Return how many sockets are open on all pods."""
    return f"sum {by(settings)} ({settings.stack.monitoring.sockets_metric}{{{_service(settings)}}})"


def redis_connected(settings: Settings) -> str:
    """Return 1 while every pod has Redis."""
    return f"min {by(settings)} ({settings.stack.monitoring.redis_metric}{{{_service(settings)}}})"


def storage_errors(settings: Settings) -> str:
    """Return answers 5xx of MinIO a second."""
    return f"sum {by(settings)} (rate(minio_s3_requests_5xx_errors_total{{{scraped(settings, 'minio')}}}[5m]))"


def restarts(settings: Settings) -> str:
    """Return restarts of each pod in 15 minutes."""
    match = f'{pods_of(settings)},container="svc-messaging"'
    return f"increase(kube_pod_container_status_restarts_total{{{match}}}[15m])"


def _service(settings: Settings) -> str:
    return scraped(settings, "svc-messaging")


def messaging_group(settings: Settings) -> Group:
    """Return the alerts of the service itself."""
    monitoring = settings.stack.monitoring
    percent = partial(Threshold, unit="% of requests", low=0.1, high=100)
    slow = partial(Threshold, unit="s", low=0.1, high=10)
    alerts = (
        Alert(
            name="MessagingServiceDown",
            expr=down(settings, _service(settings)),
            seconds=60,
            severity=CRITICAL,
            summary="no pod of svc-messaging answers",
            description="Users can neither read nor send. Look at the pods, then at the database: both probes ask it.",
        ),
        Alert(
            name="MessagingHighErrorRate",
            expr=f"{failed_percent(settings)} > {THRESHOLD}",
            threshold=percent(value=5),
            seconds=180,
            severity=WARNING,
            summary="many requests fail",
            description="Some actions of users fail. The routes with status 5xx say which part is broken.",
            warns_before="MessagingCriticalErrorRate",
        ),
        Alert(
            name="MessagingCriticalErrorRate",
            expr=f"{failed_percent(settings)} > {THRESHOLD}",
            threshold=percent(value=20),
            seconds=60,
            severity=CRITICAL,
            summary="so many requests fail that most users notice",
            description="A dependency is gone: the database, Redis or MinIO. The pods' logs name it.",
        ),
        Alert(
            name="MessagingSlowResponseTime",
            expr=f"{latency(settings)} > {THRESHOLD}",
            threshold=slow(value=0.5),
            seconds=300,
            severity=WARNING,
            summary="1 in 20 requests is slow",
            description="Conversations open slowly. CPU near its limit and slow queries are the usual reasons.",
            warns_before="MessagingVerySlowResponseTime",
        ),
        Alert(
            name="MessagingVerySlowResponseTime",
            expr=f"{latency(settings)} > {THRESHOLD}",
            threshold=slow(value=2),
            seconds=120,
            severity=CRITICAL,
            summary="1 in 20 requests is so slow that users give up",
            description="The service answers, but hardly. Scale it or relieve the database before users retry.",
        ),
        Alert(
            name="MessagingWebSocketConnectionsHigh",
            expr=f"{sockets(settings)} > {THRESHOLD}",
            threshold=Threshold(value=1000, unit="sockets", low=10, high=100_000),
            seconds=300,
            severity=WARNING,
            summary="more sockets are open than were planned for",
            description="Either the platform grows, or clients do not close what they open.",
            needs_metric=monitoring.sockets_metric,
        ),
        Alert(
            name="MessagingRedisDisconnected",
            expr=f"{redis_connected(settings)} == 0",
            seconds=60,
            severity=CRITICAL,
            summary="svc-messaging lost Redis",
            description="Presence falls back to memory, replicas lose sight of each other's sockets; pods stay Ready.",
            needs_metric=monitoring.redis_metric,
        ),
        Alert(
            name="MessagingS3UploadFailures",
            expr=f"{storage_errors(settings)} > {THRESHOLD}",
            threshold=Threshold(value=0.1, unit="errors a second", low=0.001, high=100),
            seconds=180,
            severity=WARNING,
            summary="MinIO answers requests with errors",
            description="Voice messages and files fail to upload or load; the service itself exports no such figure.",
        ),
        Alert(
            name="MessagingPodRestartLoop",
            expr=f"{restarts(settings)} > {THRESHOLD}",
            threshold=Threshold(value=1.5, unit="restarts in 15 minutes", low=0.5, high=30),
            seconds=300,
            keep_seconds=300,
            severity=WARNING,
            summary="a pod of svc-messaging restarts again and again",
            description="Each restart drops its sockets. The last log of the container says why it ended.",
        ),
        Alert(
            name="MessagingHighMemoryUsage",
            expr=f"{memory(settings)} > {THRESHOLD}",
            threshold=Threshold(value=85, unit="% of the limit", low=10, high=99),
            seconds=300,
            severity=WARNING,
            summary="a pod is near its memory limit",
            description="At the limit the kernel ends it, with all its sockets.",
        ),
        Alert(
            name="MessagingHighCPUUsage",
            expr=f"{cpu(settings)} > {THRESHOLD}",
            threshold=Threshold(value=80, unit="% of the limit", low=10, high=100),
            seconds=300,
            severity=WARNING,
            summary="a pod is near its CPU limit",
            description="Above the limit every request waits.",
        ),
        Alert(
            name="MessagingNoActivity",
            expr=f"(sum({request_rate(settings, '30m')}) or vector(0)) == 0",  # with labels both would be there
            seconds=1800,
            severity=INFO,
            summary="no request but probes for half an hour",
            description="Quiet at night, or nobody gets through: ask the public host from outside.",
        ),
    )
    return Group(
        name=f"messaging_service_alerts_{settings.network.name}",
        interval=30,
        service="messaging",
        alerts=alerts,
        recordings={},
    )


def budget_group(settings: Settings) -> Group:
    """Return the burn-rate alerts of the message API: two that wake, two for the day."""
    budget = (100 - OBJECTIVE_PERCENT) / 100

    def burning(pairs: tuple[tuple[float, str, str], ...]) -> str:
        return " or ".join(
            f"({burned(settings, long)} > {rate:g} * {budget:g} and {burned(settings, short)} > {rate:g} * {budget:g})"
            for rate, long, short in pairs
        )

    alerts = (
        Alert(
            name="MessagingErrorBudgetBurnsFast",
            expr=burning(BURNS[:2]),
            seconds=120,
            severity=CRITICAL,
            summary="at this pace the month's error budget is gone within days",
            description=f"The API promises {OBJECTIVE_PERCENT} % of requests in 30 days; failures burn that up now.",
        ),
        Alert(
            name="MessagingErrorBudgetBurnsSlowly",
            expr=burning(BURNS[2:]),
            seconds=900,
            severity=WARNING,
            summary="a small share of requests has failed for long",
            description="Nobody complains yet, but the month's error budget will not last.",
            warns_before="MessagingErrorBudgetBurnsFast",
        ),
    )
    return Group(
        name=f"messaging_error_budget_{settings.network.name}",
        interval=30,
        service="messaging",
        alerts=alerts,
        recordings={recorded(window): error_ratio(settings, window) for window in WINDOWS},
    )
