"""Every series that our alerts read, by who exports it: a name that is not here is a typing slip.

Labels are those that reach Prometheus: the scrape job of production adds `app` and `kubernetes_namespace` to what it
finds by annotation (production.md#monitoring).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Series:
    """A series: who exports it, what kind it is, and its labels beyond those of the target."""

    exporter: str
    kind: Kind
    labels: tuple[str, ...] = ()
    by_annotation: bool = True


def _of(
    exporter: str, kind: Kind, *names: str, labels: tuple[str, ...] = (), annotated: bool = True
) -> dict[str, Series]:
    return {name: Series(exporter, kind, labels, annotated) for name in names}


_POD = ("namespace", "pod", "container")
_JOB = ("namespace", "job_name")
_CRON = ("namespace", "cronjob")
_STATE, _AGENT, _CERT = "kube-state-metrics", "cadvisor", "cert-manager"

METRICS: Mapping[str, Series] = {
    **_of("prometheus", "gauge", "up"),
    **_of("prometheus", "gauge", "ALERTS", labels=("alertname", "alertstate", "network", "severity"), annotated=False),
    **_of("svc-messaging", "counter", "http_http_requests_total", labels=("method", "route", "status")),
    **_of(
        "svc-messaging",
        "histogram",
        "http_http_request_duration_seconds_bucket",
        labels=("method", "route", "status", "le"),
    ),
    **_of("svc-messaging, once it exports it", "gauge", "socket_io_connected", "socket_io_connected_sockets"),
    **_of("svc-messaging, once it exports it", "gauge", "messaging_redis_connected"),
    **_of(
        "minio", "counter", "minio_s3_requests_total", "minio_s3_requests_5xx_errors_total", labels=("server", "api")
    ),
    **_of(
        "minio",
        "gauge",
        "minio_cluster_capacity_usable_free_bytes",
        "minio_cluster_capacity_usable_total_bytes",
        labels=("server",),
    ),
    **_of("backup-metrics", "gauge", "gx_backup_run_success", "gx_backup_proven_timestamp_seconds", labels=("run",)),
    **_of("backup-metrics", "gauge", "gx_backup_volume_free_bytes", "gx_backup_status_readable", "gx_backup_bytes"),
    **_of("backup-metrics", "gauge", "gx_backup_left_out_objects"),
    **_of("haproxy", "gauge", "haproxy_backend_active_servers", labels=("proxy",)),
    **_of("haproxy", "gauge", "haproxy_frontend_current_sessions", labels=("proxy",)),
    **_of(
        "haproxy",
        "counter",
        "haproxy_frontend_sessions_total",
        "haproxy_frontend_bytes_out_total",
        labels=("proxy",),
    ),
    **_of("outbox-submitter", "gauge", "outbox_queue_depth", annotated=False),
    **_of("projector", "gauge", "projector_lag_blocks", annotated=False),
    **_of("redis_exporter", "counter", "redis_acl_access_denied_auth_total", annotated=False),
    **_of(_AGENT, "gauge", "container_memory_working_set_bytes", labels=_POD, annotated=False),
    **_of(_AGENT, "counter", "container_cpu_usage_seconds_total", labels=_POD, annotated=False),
    **_of(_STATE, "gauge", "kube_pod_container_resource_limits", labels=(*_POD, "resource"), annotated=False),
    **_of(_STATE, "counter", "kube_pod_container_status_restarts_total", labels=_POD, annotated=False),
    **_of(_STATE, "gauge", "kube_job_created", "kube_job_failed", labels=_JOB, annotated=False),
    **_of(
        _STATE,
        "gauge",
        "kube_cronjob_created",
        "kube_cronjob_info",
        "kube_cronjob_spec_suspend",
        "kube_cronjob_status_last_successful_time",
        labels=_CRON,
        annotated=False,
    ),
    **_of(_STATE, "gauge", "kube_node_status_condition", labels=("node", "condition", "status"), annotated=False),
    **_of(_STATE, "gauge", "kube_namespace_created", labels=("namespace",), annotated=False),
    **_of(
        _STATE,
        "gauge",
        "kube_persistentvolumeclaim_status_phase",
        labels=("namespace", "persistentvolumeclaim", "phase"),
        annotated=False,
    ),
    **_of(
        _STATE,
        "gauge",
        "kube_resourcequota",
        labels=("namespace", "resourcequota", "resource", "type"),
        annotated=False,
    ),
    **_of(
        _CERT,
        "gauge",
        "certmanager_certificate_expiration_timestamp_seconds",
        labels=("namespace", "name"),
        annotated=False,
    ),
}
