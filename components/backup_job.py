"""BackupJob: the scheduled copy of the bucket."""

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s

from components.base import GxArgs, GxComponent
from components.pods import plain_env, pod_spec, resources, restricted_container, scratch, secret_env
from gx.assets import asset
from gx.labels import SKIP_AWAIT, PartOf
from gx.naming import BACKUP, BACKUP_PVC, BACKUP_SCRIPTS, MINIO_BACKUP_USER

LIVE_LABELS = {"app": "minio", "component": "backup"}
POD_LABELS = {"app": BACKUP, "component": "backup"}
DEADLINE_SECONDS = 3600  # a sixth of the interval: a run that hangs is over long before the next one
START_DEADLINE_SECONDS = 1800


@dataclass(frozen=True, kw_only=True)
class BackupJobArgs(GxArgs):
    """What every component needs is all that it takes."""


class BackupJob(GxComponent):
    """CronJob `minio-backup`, its volume and its script.

    Token: gx:storage:BackupJob. Reads the bucket as a user that can only list and read. Does not copy outside the
    cluster and does not restore: source and copy lie on one disk until an off-site target is set.
    """

    TOKEN: ClassVar[str] = "gx:storage:BackupJob"

    def __init__(self, name: str, args: BackupJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        site = args.site
        script = asset("scripts/minio-backup.sh")
        claim = k8s.core.v1.PersistentVolumeClaim(
            BACKUP_PVC,
            metadata=site.metadata(
                BACKUP_PVC,
                PartOf.STORAGE,
                labels=LIVE_LABELS,
                annotations={SKIP_AWAIT: "true"},  # it is bound hours later, by the first run
                app=BACKUP,
            ),
            spec={
                "access_modes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": site.settings.stack.backup.storage}},
            },
            opts=self.child("PersistentVolumeClaim", BACKUP_PVC),
        )
        scripts = k8s.core.v1.ConfigMap(
            BACKUP_SCRIPTS,
            metadata=site.metadata(BACKUP_SCRIPTS, PartOf.STORAGE, labels=LIVE_LABELS, app=BACKUP),
            data={"backup.sh": script},
            opts=self.child("ConfigMap", BACKUP_SCRIPTS),
        )
        self.cron_job = k8s.batch.v1.CronJob(
            BACKUP,
            metadata=site.metadata(BACKUP, PartOf.STORAGE, labels=LIVE_LABELS),
            spec={
                "schedule": site.settings.stack.backup.schedule,
                "time_zone": "Etc/UTC",
                "concurrency_policy": "Forbid",
                "starting_deadline_seconds": START_DEADLINE_SECONDS,
                "successful_jobs_history_limit": 3,
                "failed_jobs_history_limit": 3,
                "job_template": {
                    "metadata": {"labels": POD_LABELS},
                    "spec": {
                        "backoff_limit": 1,
                        "active_deadline_seconds": DEADLINE_SECONDS,
                        "template": {
                            "metadata": {
                                "labels": site.pod_labels(BACKUP, PartOf.STORAGE, POD_LABELS),
                            },
                            "spec": self._pod(),
                        },
                    },
                },
            },
            opts=self.child("CronJob", BACKUP, depends_on=[claim, scripts, *args.wait_for]),
        )
        self.register_outputs({"schedule": site.settings.stack.backup.schedule})

    def _pod(self) -> k8s.core.v1.PodSpecArgsDict:
        settings = self.site.settings
        volumes, mounts = scratch(("/tmp",), "1Gi")  # noqa: S108 an emptyDir inside the pod; holds the listings
        return pod_spec(
            settings.stack.scheduling,
            service_account="minio-backup",
            restart_policy="Never",
            containers=[
                {
                    "name": BACKUP,
                    "image": settings.platform_image("minio-client"),
                    "image_pull_policy": "IfNotPresent",
                    "command": ["/bin/sh", "/scripts/backup.sh"],
                    "env": [
                        *plain_env(
                            {
                                "NETWORK": settings.network.name,
                                "S3_ENDPOINT": settings.network.minio_url,
                                "BUCKET": settings.network.bucket,
                                "RETENTION_DAYS": str(settings.stack.backup.retention_days),
                                "DEADLINE_MINUTES": str(DEADLINE_SECONDS // 60),
                            }
                        ),
                        secret_env("AWS_ACCESS_KEY_ID", MINIO_BACKUP_USER, "AWS_ACCESS_KEY_ID"),
                        secret_env("AWS_SECRET_ACCESS_KEY", MINIO_BACKUP_USER, "AWS_SECRET_ACCESS_KEY"),
                    ],
                    "resources": resources(settings.stack.backup.resources),
                    "security_context": restricted_container(),
                    "volume_mounts": [
                        *mounts,
                        {"name": "scripts", "mount_path": "/scripts", "read_only": True},
                        {"name": "backups", "mount_path": "/backups"},
                    ],
                }
            ],
            volumes=[
                *volumes,
                {"name": "scripts", "config_map": {"name": BACKUP_SCRIPTS, "default_mode": 0o755}},
                {"name": "backups", "persistent_volume_claim": {"claim_name": BACKUP_PVC}},
            ],
        )
