"""BackupJob: copies that prove themselves, on the backup's volume and off-site, and the drill that tries them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import ContainerArgsDict

from components.backup_pods import Run, run_pod
from components.base import GxArgs, GxComponent
from components.pods import http_probe, resources
from gx.catalogue.model import Probe, SecretKey
from gx.labels import CONFIG_CHECKSUM, SKIP_AWAIT, PartOf, scrape_annotations
from gx.naming import (
    BACKUP,
    BACKUP_METRICS,
    BACKUP_METRICS_PORT,
    BACKUP_PVC,
    BACKUP_SCRIPTS,
    BACKUP_STATUS_BUCKET,
    MINIO_BACKUP_USER,
    MINIO_METRICS_USER,
    OFFSITE,
    RESTORE_DRILL,
)
from gx.quantities import parse_quantity
from gx.settings.model import Offsite
from gx.snapshot_code import code
from gx.steps import Step
from gx.storage import EXPIRY_DAYS

LIVE_LABELS = {"app": "minio", "component": "backup"}
START_DEADLINE_SECONDS = 1800
LAST_WORDS_SECONDS = 120  # the run ends itself before the Job does: it can still say why
STARTUP = Probe(path="/", delay=2, period=5, timeout=5, failures=12, reason="a minute for a cold start")
READY = Probe(path="/", delay=5, period=30, timeout=10, failures=3, reason="answers while MinIO is away, too")
LIVE = Probe(path="/", delay=30, period=60, timeout=10, failures=3, reason="3 min without an answer is a hang")
PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True, kw_only=True)
class BackupJobArgs(GxArgs):
    """What the backup stands on.

    Attributes:
        contents: What Secrets hold, by "name/key".
    """

    contents: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])


class BackupJob(GxComponent):
    """CronJobs for backup, off-site copy and restore drill, their volume and code, and the metrics of all three.

    Token: gx:storage:BackupJob. Reads the bucket as a user that can only list and read. The drill restores into a
    server of its own inside its pod; `gx restore` makes the Job that restores into the network's. PostgreSQL and Redis
    are not its business: their backups are foreign.
    """

    TOKEN: ClassVar[str] = "gx:storage:BackupJob"

    def __init__(self, name: str, args: BackupJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        backup = args.site.settings.stack.backup
        scripts = k8s.core.v1.ConfigMap(
            BACKUP_SCRIPTS,
            metadata=args.site.metadata(BACKUP_SCRIPTS, PartOf.STORAGE, labels=LIVE_LABELS, app=BACKUP),
            data=code(),
            opts=self.child("ConfigMap", BACKUP_SCRIPTS),
        )
        before = (self._claim(), scripts, *args.wait_for)
        self.cron_job = self._cron_job(self._backup(), backup.schedule, before)
        self._cron_job(self._drill(), backup.drill_schedule, before)
        if backup.offsite:
            self._cron_job(self._offsite(backup.offsite), backup.offsite.schedule, (self._offsite_keys(), *before))
        self._metrics(args.contents, (scripts, *args.wait_for))
        self.register_outputs({"schedule": backup.schedule})

    def _claim(self) -> k8s.core.v1.PersistentVolumeClaim:
        return k8s.core.v1.PersistentVolumeClaim(
            BACKUP_PVC,
            metadata=self.site.metadata(
                BACKUP_PVC,
                PartOf.STORAGE,
                labels=LIVE_LABELS,
                annotations={SKIP_AWAIT: "true"},  # it is bound hours later, by the first run
                app=BACKUP,
            ),
            spec={
                "access_modes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": self.site.settings.stack.backup.storage}},
            },
            opts=self.child("PersistentVolumeClaim", BACKUP_PVC),
        )

    def _common(self) -> dict[str, str]:
        settings = self.site.settings
        backup = settings.stack.backup
        return {
            "NETWORK": settings.network.name,
            "S3_ENDPOINT": settings.network.minio_url,
            "BUCKET": settings.network.bucket,
            "STATUS_BUCKET": BACKUP_STATUS_BUCKET,
            "DEADLINE_SECONDS": str(backup.deadline_minutes * 60 - LAST_WORDS_SECONDS),
            "FREE_FLOOR_BYTES": str(int(parse_quantity(backup.free_floor))),
        }

    def _backup(self) -> Run:
        settings = self.site.settings
        backup = settings.stack.backup
        env = {
            **self._common(),
            "RETENTION_DAYS": str(backup.retention_days),
            "MAX_SHRINK_PERCENT": str(backup.max_shrink_percent),
            "EXPIRY_DAYS": json.dumps(EXPIRY_DAYS if settings.has(Step.BUCKET_EXPIRY) else {}),
            **({"ACCEPTED_SHRINK": backup.accepted_shrink} if backup.accepted_shrink else {}),
        }
        return Run(name=BACKUP, module="backup", env=env, secrets=_pair(MINIO_BACKUP_USER))

    def _drill(self) -> Run:
        # Whatever the bucket holds is restored into the scratch folder: the run refuses below twice the size free.
        scratch = self.site.settings.stack.minio.storage
        return Run(
            name=RESTORE_DRILL,
            module="drill",
            env=self._common(),
            secrets=_pair(MINIO_BACKUP_USER),
            scratch=scratch,
            read_only=True,
        )

    def _offsite(self, offsite: Offsite) -> Run:
        env = {
            **self._common(),
            "OFFSITE_S3_ENDPOINT": offsite.endpoint,
            "OFFSITE_S3_REGION": offsite.region,
            "OFFSITE_BUCKET": offsite.bucket,
            "OFFSITE_PREFIX": offsite.prefix,
        }
        secrets = {**_pair(MINIO_BACKUP_USER), **{f"OFFSITE_{key}": SecretKey(OFFSITE, key) for key in PAIR}}
        return Run(name=OFFSITE, module="offsite", env=env, secrets=secrets, read_only=True)

    def _offsite_keys(self) -> k8s.core.v1.Secret:
        secrets = self.site.settings.secrets
        values = zip(PAIR, (secrets["offsiteAccessKeyId"], secrets["offsiteSecretAccessKey"]), strict=True)
        return k8s.core.v1.Secret(
            OFFSITE,
            metadata=self.site.metadata(OFFSITE, PartOf.STORAGE, labels=LIVE_LABELS),
            string_data=dict(values),
            opts=self.child("Secret", OFFSITE),
        )

    def _cron_job(self, run: Run, schedule: str, wait_for: tuple[pulumi.Resource, ...]) -> k8s.batch.v1.CronJob:
        labels = {"app": run.name, "component": "backup"}
        return k8s.batch.v1.CronJob(
            run.name,
            metadata=self.site.metadata(run.name, PartOf.STORAGE, labels=LIVE_LABELS),
            spec={
                "schedule": schedule,
                "time_zone": "Etc/UTC",
                "concurrency_policy": "Forbid",
                "starting_deadline_seconds": START_DEADLINE_SECONDS,
                "successful_jobs_history_limit": 3,
                "failed_jobs_history_limit": 3,
                "job_template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "backoff_limit": 1,
                        "active_deadline_seconds": self.site.settings.stack.backup.deadline_minutes * 60,
                        "template": {
                            "metadata": {"labels": self.site.pod_labels(run.name, PartOf.STORAGE, labels)},
                            "spec": run_pod(self.site.settings, run),
                        },
                    },
                },
            },
            opts=self.child("CronJob", run.name, depends_on=wait_for),
        )

    def _metrics(self, contents: Mapping[str, pulumi.Input[str]], wait_for: tuple[pulumi.Resource, ...]) -> None:
        """Serve what the runs say of themselves to Prometheus; the pod needs no volume, so it can run anywhere."""
        common = self._common()
        run = Run(
            name=BACKUP_METRICS,
            module="metrics",
            env={
                **{key: common[key] for key in ("S3_ENDPOINT", "BUCKET", "STATUS_BUCKET")},
                "METRICS_PORT": str(BACKUP_METRICS_PORT),
            },
            secrets=_pair(MINIO_METRICS_USER),
            scratch="64Mi",
            volume=False,
        )
        serving: ContainerArgsDict = {
            "name": BACKUP_METRICS,
            "ports": [{"name": "metrics", "container_port": BACKUP_METRICS_PORT}],
            "resources": resources(self.site.settings.stack.jobs),
            "startup_probe": http_probe(STARTUP, "metrics"),
            "readiness_probe": http_probe(READY, "metrics"),
            "liveness_probe": http_probe(LIVE, "metrics"),
        }
        spec = run_pod(self.site.settings, run, restart_policy="Always", serving=serving)
        labels = {"app": BACKUP_METRICS, "component": "backup"}
        annotations = scrape_annotations(BACKUP_METRICS_PORT, "/metrics")
        checksum = self.site.checksum(
            {key: contents.get(f"{MINIO_METRICS_USER}/{key}", "") for key in PAIR}
            | {"code": "\0".join(code().values())}
        )
        k8s.apps.v1.Deployment(
            BACKUP_METRICS,
            metadata=self.site.metadata(BACKUP_METRICS, PartOf.STORAGE, labels=LIVE_LABELS),
            spec={
                "replicas": 1,
                "selector": {"match_labels": {"app": BACKUP_METRICS}},
                "strategy": {"type": "Recreate"},
                "template": {
                    "metadata": {
                        "labels": self.site.pod_labels(BACKUP_METRICS, PartOf.STORAGE, labels),
                        "annotations": {**annotations, CONFIG_CHECKSUM: checksum},
                    },
                    "spec": spec,
                },
            },
            opts=self.child("Deployment", BACKUP_METRICS, depends_on=wait_for),
        )


def _pair(secret: str) -> dict[str, SecretKey]:
    return {key: SecretKey(secret, key) for key in PAIR}
