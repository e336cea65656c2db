"""The sixteen alerts of the messaging platform (production.md 12), one set per network, as plain data."""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any

from gx.naming import BACKUP, Network


@unique
class Severity(StrEnum):
    """What a person does: critical wakes somebody, warning is work for the day, info is read later."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert.

    Attributes:
        name: As it is known today.
        expr: PromQL; holds while the alert is true.
        wait: How long it must hold, as Prometheus writes a duration.
        severity: What a person does.
        summary: One line without numbers.
        needs_metric: A metric that no code exports yet: the alert stays silent until the service has it.
    """

    name: str
    expr: str
    wait: str
    severity: Severity
    summary: str
    needs_metric: str | None = None


def _share_of_errors(match: str, limit: int) -> str:
    failed = f'sum by (kubernetes_namespace) (rate(http_http_requests_total{{{match},status=~"5.."}}[5m]))'
    total = f"sum by (kubernetes_namespace) (rate(http_http_requests_total{{{match}}}[5m]))"
    return f"100 * {failed} / {total} > {limit}"


def _p95(match: str, limit: str) -> str:
    rate = f"rate(http_http_request_duration_seconds_bucket{{{match}}}[5m])"
    return f"histogram_quantile(0.95, sum by (le, kubernetes_namespace) ({rate})) > {limit}"


def _down(match: str) -> str:
    return f"(sum by (app, kubernetes_namespace) (up{{{match}}}) == 0) or absent(up{{{match}}})"


def _of_limit(usage: str, resource: str, pods: str, limit: int) -> str:
    # Labels of containers can be empty on k3s: the largest series of a pod is the pod itself.
    limits = f'max by (namespace, pod) (kube_pod_container_resource_limits{{{pods},resource="{resource}"}})'
    return f"100 * max by (namespace, pod) ({usage}) / {limits} > {limit}"


def messaging_alerts(network: Network) -> list[Alert]:
    """Return the twelve alerts of svc-messaging on one network."""
    scraped = f'app="svc-messaging",kubernetes_namespace="{network.namespace}"'
    pods = f'namespace="{network.namespace}",pod=~"svc-messaging-.*"'
    minio = f'app="minio",kubernetes_namespace="{network.namespace}"'
    sockets, redis = "socket_io_connected_sockets", "messaging_redis_connected"
    busy = f'sum(rate(http_http_requests_total{{{scraped},route!~"/health|/metrics"}}[30m]))'
    restarts = f'kube_pod_container_status_restarts_total{{{pods},container="svc-messaging"}}'
    critical, warning, info = Severity.CRITICAL, Severity.WARNING, Severity.INFO
    return [
        Alert(
            name="MessagingServiceDown",
            expr=_down(scraped),
            wait="1m",
            severity=critical,
            summary="no pod of svc-messaging answers",
        ),
        Alert(
            name="MessagingHighErrorRate",
            expr=_share_of_errors(scraped, 5),
            wait="3m",
            severity=warning,
            summary="more than 5 % of requests fail",
        ),
        Alert(
            name="MessagingCriticalErrorRate",
            expr=_share_of_errors(scraped, 20),
            wait="1m",
            severity=critical,
            summary="more than 20 % of requests fail",
        ),
        Alert(
            name="MessagingSlowResponseTime",
            expr=_p95(scraped, "0.5"),
            wait="5m",
            severity=warning,
            summary="1 in 20 requests takes over 0.5 s",
        ),
        Alert(
            name="MessagingVerySlowResponseTime",
            expr=_p95(scraped, "2"),
            wait="2m",
            severity=critical,
            summary="1 in 20 requests takes over 2 s",
        ),
        Alert(
            name="MessagingWebSocketConnectionsHigh",
            expr=f"sum by (kubernetes_namespace) ({sockets}{{{scraped}}}) > 1000",
            wait="5m",
            severity=warning,
            summary="more than 1000 open sockets",
            needs_metric=sockets,
        ),
        Alert(
            name="MessagingRedisDisconnected",
            expr=f"{redis}{{{scraped}}} == 0",
            wait="1m",
            severity=critical,
            summary="svc-messaging lost Redis",
            needs_metric=redis,
        ),
        Alert(
            name="MessagingS3UploadFailures",
            expr=f"sum by (kubernetes_namespace) (rate(minio_s3_requests_5xx_errors_total{{{minio}}}[5m])) > 0.1",
            wait="3m",
            severity=warning,
            summary="MinIO answers requests with errors; the service itself exports no upload failures",
        ),
        Alert(
            name="MessagingPodRestartLoop",
            expr=f"increase({restarts}[15m]) > 1.5",
            wait="5m",
            severity=warning,
            summary="a pod of svc-messaging restarts more than once in ten minutes",
        ),
        Alert(
            name="MessagingHighMemoryUsage",
            expr=_of_limit(f"container_memory_working_set_bytes{{{pods}}}", "memory", pods, 85),
            wait="5m",
            severity=warning,
            summary="a pod uses over 85 % of its memory limit",
        ),
        Alert(
            name="MessagingHighCPUUsage",
            expr=_of_limit(f"rate(container_cpu_usage_seconds_total{{{pods}}}[5m])", "cpu", pods, 80),
            wait="5m",
            severity=warning,
            summary="a pod uses over 80 % of its CPU limit",
        ),
        Alert(
            name="MessagingNoActivity",
            expr=f"({busy} or vector(0)) == 0",
            wait="30m",
            severity=info,
            summary="no request but probes for half an hour",
        ),
    ]


def minio_alerts(network: Network) -> list[Alert]:
    """Return the four alerts of MinIO and its backup on one network."""
    scraped = f'app="minio",kubernetes_namespace="{network.namespace}"'
    cron_job = f'namespace="{network.namespace}",cronjob="{BACKUP}"'
    failed = f'max by (namespace) (kube_job_failed{{namespace="{network.namespace}",job_name=~"{BACKUP}.*"}}) > 0'
    last = f"max by (namespace) (kube_cronjob_status_last_successful_time{{{cron_job}}} > 0)"
    made = f"max by (namespace) (kube_cronjob_created{{{cron_job}}})"
    free, total = (f"minio_cluster_capacity_usable_{kind}_bytes{{{scraped}}}" for kind in ("free", "total"))
    full = f"100 * (1 - max by (kubernetes_namespace) ({free}) / max by (kubernetes_namespace) ({total}))"
    return [
        Alert(
            name="MinIOServiceDown",
            expr=_down(scraped),
            wait="2m",
            severity=Severity.CRITICAL,
            summary="MinIO does not answer",
        ),
        Alert(
            name="MinIOBackupFailed",
            expr=f"({failed}) or (time() - ({last} or {made}) > 7 * 3600)",
            wait="1m",
            severity=Severity.WARNING,
            summary="a backup failed, or none succeeded for 7 hours",
        ),
        Alert(
            name="MinIOStorageNearlyFull",
            expr=f"{full} > 80",
            wait="10m",
            severity=Severity.WARNING,
            summary="the volume of MinIO is over 80 % full",
        ),
        Alert(
            name="MinIOStorageCriticallyFull",
            expr=f"{full} > 95",
            wait="5m",
            severity=Severity.CRITICAL,
            summary="the volume of MinIO is over 95 % full",
        ),
    ]


def rule_file(network: Network) -> dict[str, Any]:
    """Return the rule file of one network, as Prometheus reads it."""
    groups = (
        ("messaging_service_alerts", "30s", "messaging", messaging_alerts(network)),
        ("messaging_minio_alerts", "60s", "minio", minio_alerts(network)),
    )
    return {
        "groups": [
            {
                "name": f"{name}_{network.name}",
                "interval": interval,
                "rules": [_rule(alert, service, network) for alert in alerts],
            }
            for name, interval, service, alerts in groups
        ]
    }


def _rule(alert: Alert, service: str, network: Network) -> dict[str, Any]:
    annotations = {"summary": f"{network.name}: {alert.summary}", "description": "value: {{ $value | humanize }}"}
    if alert.needs_metric:
        annotations["note"] = f"silent until svc-messaging exports {alert.needs_metric}"
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.wait,
        "labels": {"severity": alert.severity.value, "service": service, "network": network.name},
        "annotations": annotations,
    }
