"""BackupJob: verified snapshots of a bucket, on the backup's volume and off-site, and the drill that restores them."""

import json
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import ContainerArgsDict

from common.labels import CONFIG_CHECKSUM, SKIP_AWAIT, PartOf, component_labels, scrape_annotations
from common.naming import (
    AGE_IDENTITY,
    BACKUP,
    BACKUP_METRICS,
    BACKUP_METRICS_PORT,
    BACKUP_PVC,
    OFFSITE,
    RESTORE_DRILL,
)
from components.arguments import CredentialsArgs, ProbeArgs, ResourcesArgs, SchedulingArgs, SecretValueArgs
from components.backup_pods import BackupRun, run_pod
from components.base import GxComponent, checksum, metadata
from components.pods import contents, http_probe, resources

LIVE_LABELS = {"app": "minio", "component": "backup"}
START_DEADLINE_SECONDS = 1800
SHUTDOWN_MARGIN_SECONDS = 120  # the run ends itself before the Job does: it can still say why
# A minute for a cold start; it answers while the server is away, too; 3 minutes without an answer is a hang.
STARTUP: ProbeArgs = {"path": "/", "delay": 2, "period": 5, "timeout": 5, "failures": 12}
READY: ProbeArgs = {"path": "/", "delay": 5, "period": 30, "timeout": 10, "failures": 3}
LIVE: ProbeArgs = {"path": "/", "delay": 30, "period": 60, "timeout": 10, "failures": 3}
PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


class OffsiteArgs(TypedDict):
    """A bucket outside the cluster, on any S3 server, in which the newest snapshot is kept as well."""

    endpoint: str
    region: str
    bucket: str
    prefix: str
    schedule: str
    """Cron, in UTC."""
    credentials: CredentialsArgs
    """A pair that may write, list and read, never delete."""
    age_identity: NotRequired[pulumi.Input[str]]
    """age identity that copies are encrypted for; without it they are not encrypted."""


class BackupJobArgs(TypedDict):
    """What the backup stands on."""

    namespace: pulumi.Input[str]
    network: str
    """What snapshots say they are of."""
    image: str
    """Image with the package `backup`."""
    endpoint: str
    """URL of the S3 server."""
    bucket: str
    status_bucket: str
    """Bucket in which the runs say how they went."""
    credentials: Mapping[str, SecretValueArgs]
    """S3 variables of a pair that may list and read the bucket, and write the status."""
    metrics_credentials: Mapping[str, SecretValueArgs]
    """S3 variables of a pair that may read the status."""
    schedule: str
    """Cron, in UTC."""
    drill_schedule: str
    """Cron, in UTC, of the restore drill."""
    storage: str
    """Size of the volume of snapshots, a Kubernetes quantity."""
    drill_scratch: str
    """Size limit of the folder into which the drill restores: that of the bucket's volume."""
    deadline_minutes: int
    """After this a run is ended."""
    free_floor_bytes: int
    """Free space below which no run begins."""
    retention_days: int
    keep_least: int
    """Verified snapshots that stay whatever their age."""
    max_shrink_percent: int
    """A run that would lose more of the bucket than this fails."""
    accepted_shrink: NotRequired[str]
    """Name of the snapshot after which a larger loss was accepted."""
    expiry_days: NotRequired[Mapping[str, int]]
    """Days that objects live, by prefix: what expired is no loss."""
    offsite: NotRequired[OffsiteArgs]
    checksum_key: pulumi.Input[str]
    """Key under which the pair of the metrics is hashed, so that its pod restarts with another one."""
    resources: ResourcesArgs
    metrics_resources: ResourcesArgs
    scheduling: SchedulingArgs


class BackupJob(GxComponent):
    """CronJobs for backup, off-site copy and restore drill, their volume, and the metrics of all three.

    Token: gx:storage:BackupJob. Reads the bucket as a user that can only list and read. The drill restores into a
    server of its own inside its pod; `gx restore` makes the Job that restores into the network's. PostgreSQL and Redis
    are not its business: their backups are foreign.
    """

    TOKEN = "gx:storage:BackupJob"
    volume_claim: pulumi.Output[str]
    """Name of the claim of the snapshots."""

    def __init__(
        self,
        name: str,
        args: BackupJobArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        wait_for: Sequence[pulumi.Resource] = (),
    ) -> None:
        super().__init__(name, opts)
        self._args, self._namespace = args, args["namespace"]
        before = (self._claim(), *wait_for)
        self.cron_job = self._cron_job(self._backup(), args["schedule"], before)
        self._cron_job(self._drill(), args["drill_schedule"], before)
        if "offsite" in args:
            offsite = args["offsite"]
            self._cron_job(self._offsite(offsite), offsite["schedule"], (self._offsite_keys(offsite), *before))
        self._metrics(wait_for)
        self.volume_claim = pulumi.Output.from_input(BACKUP_PVC)
        self.register_outputs({"schedule": args["schedule"]})

    def _claim(self) -> k8s.core.v1.PersistentVolumeClaim:
        return k8s.core.v1.PersistentVolumeClaim(
            BACKUP_PVC,
            metadata=metadata(
                BACKUP_PVC,
                PartOf.STORAGE,
                namespace=self._namespace,
                labels=LIVE_LABELS,
                annotations={SKIP_AWAIT: "true"},  # it is bound hours later, by the first run
                app=BACKUP,
            ),
            spec={
                "access_modes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": self._args["storage"]}},
            },
            opts=self.child(),
        )

    def _common(self) -> dict[str, str]:
        args = self._args
        return {
            "NETWORK": args["network"],
            "S3_ENDPOINT": args["endpoint"],
            "BUCKET": args["bucket"],
            "STATUS_BUCKET": args["status_bucket"],
            "DEADLINE_SECONDS": str(args["deadline_minutes"] * 60 - SHUTDOWN_MARGIN_SECONDS),
            "FREE_FLOOR_BYTES": str(args["free_floor_bytes"]),
        }

    def _backup(self) -> BackupRun:
        args = self._args
        env = {
            **self._common(),
            "RETENTION_DAYS": str(args["retention_days"]),
            "KEEP_LEAST": str(args["keep_least"]),
            "MAX_SHRINK_PERCENT": str(args["max_shrink_percent"]),
            "EXPIRY_DAYS": json.dumps(args.get("expiry_days", {})),
            **({"ACCEPTED_SHRINK": args["accepted_shrink"]} if "accepted_shrink" in args else {}),
        }
        return BackupRun(name=BACKUP, module="take", env=env, secrets=args["credentials"])

    def _drill(self) -> BackupRun:
        # Whatever the bucket holds is restored into the scratch folder: the run refuses below twice the size free.
        return BackupRun(
            name=RESTORE_DRILL,
            module="drill",
            env=self._common(),
            secrets=self._args["credentials"],
            scratch=self._args["drill_scratch"],
            read_only=True,
        )

    def _offsite(self, offsite: OffsiteArgs) -> BackupRun:
        env = {
            **self._common(),
            "OFFSITE_S3_ENDPOINT": offsite["endpoint"],
            "OFFSITE_S3_REGION": offsite["region"],
            "OFFSITE_BUCKET": offsite["bucket"],
            "OFFSITE_PREFIX": offsite["prefix"],
        }
        keys = (*PAIR, AGE_IDENTITY) if "age_identity" in offsite else PAIR
        own: dict[str, SecretValueArgs] = {f"OFFSITE_{key}": {"secret": OFFSITE, "key": key} for key in keys}
        secrets = {**self._args["credentials"], **own}
        return BackupRun(name=OFFSITE, module="offsite", env=env, secrets=secrets, read_only=True)

    def _offsite_keys(self, offsite: OffsiteArgs) -> k8s.core.v1.Secret:
        pair = offsite["credentials"]
        values: dict[str, pulumi.Input[str]] = dict(zip(PAIR, (pair["access_key"], pair["secret_key"]), strict=True))
        if "age_identity" in offsite:
            values[AGE_IDENTITY] = offsite["age_identity"]
        return k8s.core.v1.Secret(
            OFFSITE,
            metadata=metadata(OFFSITE, PartOf.STORAGE, namespace=self._namespace, labels=LIVE_LABELS),
            string_data={key: pulumi.Output.secret(value) for key, value in values.items()},
            opts=self.child(),
        )

    def _cron_job(self, run: BackupRun, schedule: str, wait_for: Sequence[pulumi.Resource]) -> k8s.batch.v1.CronJob:
        args, labels = self._args, {"app": run.name, "component": "backup"}
        return k8s.batch.v1.CronJob(
            run.name,
            metadata=metadata(run.name, PartOf.STORAGE, namespace=self._namespace, labels=LIVE_LABELS),
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
                        "active_deadline_seconds": args["deadline_minutes"] * 60,
                        "template": {
                            "metadata": {"labels": {**component_labels(run.name, PartOf.STORAGE), **labels}},
                            "spec": run_pod(
                                run, image=args["image"], given=args["resources"], scheduling=args["scheduling"]
                            ),
                        },
                    },
                },
            },
            opts=self.child(wait_for),
        )

    def _metrics(self, wait_for: Sequence[pulumi.Resource]) -> None:
        """Serve what the runs say of themselves to Prometheus; the pod needs no volume, so it can run anywhere."""
        args, common = self._args, self._common()
        run = BackupRun(
            name=BACKUP_METRICS,
            module="metrics",
            env={
                **{key: common[key] for key in ("S3_ENDPOINT", "BUCKET", "STATUS_BUCKET")},
                "METRICS_PORT": str(BACKUP_METRICS_PORT),
            },
            secrets=args["metrics_credentials"],
            scratch="64Mi",
            volume=False,
        )
        serving: ContainerArgsDict = {
            "name": BACKUP_METRICS,
            "ports": [{"name": "metrics", "container_port": BACKUP_METRICS_PORT}],
            "resources": resources(args["metrics_resources"]),
            "startup_probe": http_probe(STARTUP, "metrics"),
            "readiness_probe": http_probe(READY, "metrics"),
            "liveness_probe": http_probe(LIVE, "metrics"),
        }
        spec = run_pod(
            run,
            image=args["image"],
            given=args["resources"],
            scheduling=args["scheduling"],
            restart_policy="Always",
            serving=serving,
        )
        labels = {**component_labels(BACKUP_METRICS, PartOf.STORAGE), "app": BACKUP_METRICS, "component": "backup"}
        annotations = scrape_annotations(BACKUP_METRICS_PORT, "/metrics")
        pair = {key.partition("/")[2]: value for key, value in contents(args["metrics_credentials"].values()).items()}
        read = checksum(args["checksum_key"], {key: pair.get(key, "") for key in PAIR})
        k8s.apps.v1.Deployment(
            BACKUP_METRICS,
            metadata=metadata(BACKUP_METRICS, PartOf.STORAGE, namespace=self._namespace, labels=LIVE_LABELS),
            spec={
                "replicas": 1,
                "selector": {"match_labels": {"app": BACKUP_METRICS}},
                "strategy": {"type": "Recreate"},
                "template": {
                    "metadata": {"labels": labels, "annotations": {**annotations, CONFIG_CHECKSUM: read}},
                    "spec": spec,
                },
            },
            opts=self.child(wait_for),
        )
