"""The smallest arguments of components, and how their pods are read."""

from typing import Any

from common.labels import PartOf
from components.arguments import ResourcesArgs, SchedulingArgs
from components.backup_job import BackupJobArgs
from components.database import DatabaseArgs
from components.minio_storage import MinioStorageArgs
from components.workload import WorkloadArgs
from tests.components.alone import Made

SMALL: ResourcesArgs = {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
ANYWHERE: SchedulingArgs = {"node_selector": {}}
STORAGE: MinioStorageArgs = {
    "namespace": "reports",
    "endpoint": "http://minio.reports:9000",
    "image": "minio:1",
    "client_image": "mc:1",
    "storage": "1Gi",
    "bucket": "reports",
    "status_bucket": "status",
    "noncurrent_days": 7,
    "users": [{"purpose": "app", "secret": "app", "statements": [], "epoch_name": "app", "epoch": 1}],
    "root_epoch": 1,
    "checksum_key": "key",
    "resources": SMALL,
    "job_resources": SMALL,
    "scheduling": ANYWHERE,
}
BACKUP: BackupJobArgs = {
    "namespace": "reports",
    "network": "reports",
    "image": "gx-backup:1",
    "endpoint": "http://minio.reports:9000",
    "bucket": "reports",
    "status_bucket": "status",
    "credentials": {"AWS_ACCESS_KEY_ID": {"secret": "reader", "key": "id"}},
    "metrics_credentials": {"AWS_ACCESS_KEY_ID": {"secret": "metrics", "key": "id", "content": "m-1"}},
    "schedule": "0 6 * * *",
    "drill_schedule": "0 7 * * 0",
    "storage": "5Gi",
    "drill_scratch": "1Gi",
    "deadline_minutes": 10,
    "free_floor_bytes": 1024,
    "retention_days": 7,
    "keep_least": 4,
    "max_shrink_percent": 30,
    "checksum_key": "key",
    "resources": SMALL,
    "metrics_resources": SMALL,
    "scheduling": ANYWHERE,
}
WORKLOAD: WorkloadArgs = {
    "namespace": "reports",
    "part_of": PartOf.BACKEND,
    "image": "reports:1",
    "replicas": 1,
    "ports": {"http": 8080},
    "service": {"name": "reports", "type": "ClusterIP", "ports": [{"port": 80, "target": "http"}]},
    "probes": {
        "port": "http",
        "startup": {"path": "/", "delay": 1, "period": 1, "timeout": 1, "failures": 1},
        "readiness": {"path": "/", "delay": 1, "period": 1, "timeout": 1, "failures": 1},
        "liveness": {"path": "/", "delay": 1, "period": 1, "timeout": 1, "failures": 1},
    },
    "env": {"MODE": {"value": "plain"}},
    "resources": SMALL,
    "scheduling": ANYWHERE,
    "service_account": "reports",
    "checksum_key": "key",
}
DATABASE: DatabaseArgs = {
    "namespace": "reports",
    "network": "reports",
    "production": False,
    "host": "postgres.reports",
    "image": "postgres:1",
    "resources": SMALL,
    "scheduling": ANYWHERE,
}


def env_of(container: dict[str, Any]) -> dict[str, Any]:
    """Return the environment of a container by name."""
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


def container_of(made: Made) -> dict[str, Any]:
    """Return the container of what makes pods."""
    return made.inputs["spec"]["template"]["spec"]["containers"][0]
