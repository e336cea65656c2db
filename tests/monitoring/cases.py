"""For every alert: series that raise it, series that stay just below, and what a missing series means."""

import re
from dataclasses import dataclass, field
from typing import Literal

HOUR = 60
NAMESPACE = "backend-mainnet"


def scraped(app: str, namespace: str = NAMESPACE) -> str:
    """Return the labels of a scraped pod."""
    return f'app="{app}",kubernetes_namespace="{namespace}",instance="10.42.0.1:1",job="pods"'


SERVICE, MINIO, BACKUP, EDGE = (
    scraped("svc-messaging"),
    scraped("minio"),
    scraped("backup-metrics"),
    scraped("edge-proxy", "gx-edge-mainnet"),
)
OTHER_EDGES = [EDGE.replace("10.42.0.1", f"10.42.0.{number}") for number in (2, 3)]
POD = f'namespace="{NAMESPACE}",pod="svc-messaging-1",container="svc-messaging"'
CRON = f'namespace="{NAMESPACE}",cronjob="minio-backup"'
DRILL_CRON = f'namespace="{NAMESPACE}",cronjob="minio-restore-drill"'
PLACE = f'kubernetes_namespace="{NAMESPACE}",instance="10.42.0.9:1"'


def as_operator(series: str) -> str:
    """Return a series with the labels that an operator's monitors set instead; the edge has a PodMonitor."""
    series = series.replace(',job="pods"', "").replace('app="edge-proxy"', 'job="gx-edge-mainnet/edge-proxy"')
    return re.sub(r'\bapp="([^"]+)"', r'job="\1",service="\1"', series).replace("kubernetes_namespace=", "namespace=")


@dataclass(frozen=True)
class Series:
    """One series: its value a minute while things are bad, and while they are just good enough.

    A counter grows by the value each minute; a moment is the time in seconds, counted from the start of the test.
    """

    name: str
    bad: float
    good: float
    kind: Literal["gauge", "counter"] = "gauge"


@dataclass(frozen=True)
class Case:
    """How one alert is tried.

    Attributes:
        series: What Prometheus has.
        minutes: After how long in the bad state it must speak.
        absent: What it does when no series is there at all.
        step: Minutes between samples; long waits need few.
        fixed: Values that differ once things are fixed, by name; otherwise the good ones.
    """

    series: tuple[Series, ...]
    minutes: int
    absent: Literal["quiet", "speaks"] = "quiet"
    step: int = 1
    fixed: dict[str, float] = field(default_factory=dict[str, float])


def gauge(name: str, bad: float, good: float) -> Series:
    return Series(name, bad, good)


def counter(name: str, bad: float, good: float) -> Series:
    return Series(name, bad, good, "counter")


def errors(bad: float, good: float, minutes: int, step: int = 1) -> Case:
    """Per cent of failed requests."""
    return Case(
        (
            counter(f'http_http_requests_total{{{SERVICE},status="500",route="/a"}}', bad, good),
            counter(f'http_http_requests_total{{{SERVICE},status="200",route="/a"}}', 100 - bad, 100 - good),
        ),
        minutes,
        step=step,
    )


def slow(bound: str, below: str, minutes: int) -> Case:
    """6 of 100 requests above a bucket's bound are bad, 4 are good."""
    bucket = f"http_http_request_duration_seconds_bucket{{{SERVICE}"
    return Case(
        (
            counter(f'{bucket},le="{below}"}}', 94, 96),
            counter(f'{bucket},le="{bound}"}}', 94, 96),
            counter(f'{bucket},le="10"}}', 100, 100),
            counter(f'{bucket},le="+Inf"}}', 100, 100),
        ),
        minutes,
    )


def aged(metric: str, hours: float, wait: int, *, step: int = 1) -> Case:
    """A moment that is older than some hours; good is a minute younger than that at the end."""
    minutes = int(hours * HOUR) + wait + 5
    return Case(
        (gauge(metric, 60, (minutes - hours * HOUR + 2) * 60),), minutes, step=step, fixed={metric: minutes * 60}
    )


def percent(used: str, total: str, bad: float, good: float, minutes: int) -> Case:
    return Case((gauge(used, bad, good), gauge(total, 100, 100)), minutes)


_LAST = "kube_cronjob_status_last_successful_time"
_JOB = f'kube_job_failed{{namespace="{NAMESPACE}",job_name="minio-backup-1"}}'
_FREE = f"minio_cluster_capacity_usable_free_bytes{{{MINIO}}}"
_TOTAL = f"minio_cluster_capacity_usable_total_bytes{{{MINIO}}}"
_LIMIT = "kube_pod_container_resource_limits"
_QUOTA = f'kube_resourcequota{{namespace="{NAMESPACE}",resourcequota="backend-mainnet-quota",resource="pods"'
_CERTIFICATE = f'certmanager_certificate_expiration_timestamp_seconds{{namespace="{NAMESPACE}",name="api"}}'

CASES: dict[str, Case] = {
    "MessagingServiceDown": Case((gauge(f"up{{{SERVICE}}}", 0, 1),), 3, absent="speaks"),
    "MessagingHighErrorRate": errors(6, 4, 15),
    "MessagingCriticalErrorRate": errors(21, 19, 15),
    "MessagingSlowResponseTime": slow("1", "0.5", 15),
    "MessagingVerySlowResponseTime": slow("3", "2", 15),
    "MessagingWebSocketConnectionsHigh": Case((gauge(f"socket_io_connected_sockets{{{SERVICE}}}", 1001, 1000),), 8),
    "MessagingRedisDisconnected": Case((gauge(f"messaging_redis_connected{{{SERVICE}}}", 0, 1),), 4),
    "MessagingS3UploadFailures": Case((counter(f"minio_s3_requests_5xx_errors_total{{{MINIO}}}", 7, 5),), 15),
    "MessagingPodRestartLoop": Case((counter(f"kube_pod_container_status_restarts_total{{{POD}}}", 0.2, 0.05),), 30),
    "MessagingHighMemoryUsage": percent(
        f"container_memory_working_set_bytes{{{POD}}}", f'{_LIMIT}{{{POD},resource="memory"}}', 86, 84, 8
    ),
    "MessagingHighCPUUsage": Case(
        (
            counter(f"container_cpu_usage_seconds_total{{{POD}}}", 0.82 * 60, 0.78 * 60),
            gauge(f'{_LIMIT}{{{POD},resource="cpu"}}', 1, 1),
        ),
        20,
    ),
    "MessagingNoActivity": Case(
        (counter(f'http_http_requests_total{{{SERVICE},route="/api",status="200"}}', 0, 1),), 65, absent="speaks"
    ),
    "MessagingErrorBudgetBurnsFast": errors(1.5, 0.5, 100),
    "MessagingErrorBudgetBurnsSlowly": errors(0.4, 0.09, 40 * HOUR, step=5),
    "MinIOServiceDown": Case((gauge(f"up{{{MINIO}}}", 0, 1),), 5, absent="speaks"),
    "MinIOStorageNearlyFull": percent(_FREE, _TOTAL, 19, 21, 15),
    "MinIOStorageCriticallyFull": percent(_FREE, _TOTAL, 4, 6, 10),
    "MinIOBackupFailed": Case(
        (gauge(f'kube_job_failed{{namespace="{NAMESPACE}",job_name="minio-backup-1"}}', 1, 0),), 4
    ),
    "MinIOBackupIncomplete": Case((gauge(f"gx_backup_left_out_objects{{{BACKUP}}}", 1, 0),), 4),
    "MinIOBackupStale": aged(f"{_LAST}{{{CRON}}}", 7, 15),
    "MinIOBackupLost": aged(f"{_LAST}{{{CRON}}}", 26, 15, step=5),
    "MinIOBackupSuspended": Case((gauge(f"kube_cronjob_spec_suspend{{{CRON}}}", 1, 0),), 25 * HOUR, step=5),
    "MinIOBackupVolumeNearlyFull": Case(
        (gauge(f"gx_backup_volume_free_bytes{{{BACKUP}}}", 20 * 2**30 - 1, 20 * 2**30),), 15
    ),
    "MinIOBackupStatusUnreadable": Case((gauge(f"gx_backup_status_readable{{{BACKUP}}}", 0, 1),), 35),
    "MinIORestoreDrillFailed": Case((gauge(f'gx_backup_run_success{{{BACKUP},run="drill"}}', 0, 1),), 20),
    "MinIORestoreDrillStale": aged(f"{_LAST}{{{DRILL_CRON}}}", 8 * 24, 60, step=15),
    "MinIOOffsiteCopyBehind": aged(f'gx_backup_proven_timestamp_seconds{{{BACKUP},run="offsite"}}', 26, 15, step=5),
    "NodeNotReady": Case(
        (gauge('kube_node_status_condition{node="srv1089618.hstgr.cloud",condition="Ready",status="true"}', 0, 1),), 5
    ),
    "QuotaNearlyUsed": percent(f'{_QUOTA},type="used"}}', f'{_QUOTA},type="hard"}}', 91, 90, 20),
    "VolumeClaimPending": Case(
        (
            gauge(
                f'kube_persistentvolumeclaim_status_phase{{namespace="{NAMESPACE}",persistentvolumeclaim="minio-pvc",'
                'phase="Pending"}',
                1,
                0,
            ),
        ),
        20,
    ),
    "CertificateNearExpiry": Case((gauge(_CERTIFICATE, 14 * 86400 - 60, 14 * 86400 + 7200),), 70),
    "CertificateExpires": Case((gauge(_CERTIFICATE, 2 * 86400 - 60, 2 * 86400 + 7200),), 70),
    "RedisPasswordRejected": Case((counter(f"redis_acl_access_denied_auth_total{{{PLACE}}}", 1, 0),), 10),
    "OutboxBacklog": Case((gauge(f"outbox_queue_depth{{{PLACE}}}", 101, 100),), 15),
    "OutboxStuck": Case((gauge(f"outbox_queue_depth{{{PLACE}}}", 501, 500),), 15),
    "ProjectionLag": Case((gauge(f"projector_lag_blocks{{{PLACE}}}", 11, 10),), 15),
    "EdgeNodeDown": Case(
        (gauge(f"up{{{EDGE}}}", 0, 1), *(gauge(f"up{{{other}}}", 1, 1) for other in OTHER_EDGES)), 5, absent="speaks"
    ),
    "EdgeControllerUnreachable": Case((gauge(f'haproxy_backend_active_servers{{{EDGE},proxy="https"}}', 0, 1),), 4),
    "EdgeNodeWithoutTraffic": Case((counter(f'haproxy_frontend_sessions_total{{{EDGE},proxy="https"}}', 0, 1),), 65),
}
"""The watchdog always speaks and the missing CronJob is about one series without the other: both are tried alone."""
ALONE = {"AlertingWatchdog", "MinIOBackupMissing"}
