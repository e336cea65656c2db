"""Alerts of MinIO, its backup, its restore drill and its copy outside the cluster."""

from functools import partial

from common.alerts import THRESHOLD, Alert, Group, Threshold
from common.naming import BACKUP, BACKUP_METRICS, OFFSITE, RESTORE_DRILL
from common.quantities import parse_quantity
from settings.monitoring.messaging import CRITICAL, WARNING
from settings.monitoring.targets import by, down, scraped
from settings.settings import Settings

HOUR = 3600


def used_percent(settings: Settings) -> str:
    """Return how full MinIO's disk is: kubelet reports nothing of a local-path volume (production.md#monitoring)."""
    match = scraped(settings, "minio")
    free, total = (
        f"max {by(settings)} (minio_cluster_capacity_usable_{kind}_bytes{{{match}}})" for kind in ("free", "total")
    )
    return f"100 * (1 - {free} / {total})"


def backup_age(settings: Settings) -> str:
    """Return seconds since a backup succeeded, or since there is a CronJob that never did."""
    return _age(settings, BACKUP)


def drill_age(settings: Settings) -> str:
    """Return seconds since a restore drill succeeded, or since there is a CronJob that never did."""
    return _age(settings, RESTORE_DRILL)


def offsite_age(settings: Settings) -> str:
    """Return seconds since the newest snapshot that is proven outside was taken, or since there is a CronJob for it."""
    match = f'{scraped(settings, BACKUP_METRICS)},run="offsite"'
    created = f"kube_cronjob_created{{{_cron_jobs(settings, OFFSITE)}}}"
    return f"time() - (max(gx_backup_proven_timestamp_seconds{{{match}}} > 0) or max({created}))"


def volume_free(settings: Settings) -> str:
    """Return bytes that are free where the snapshots lie."""
    return f"min {by(settings)} (gx_backup_volume_free_bytes{{{scraped(settings, BACKUP_METRICS)}}})"


def requests(settings: Settings) -> str:
    """Return calls of the S3 API a second, by kind."""
    return f"sum by (api) (rate(minio_s3_requests_total{{{scraped(settings, 'minio')}}}[5m]))"


def snapshot_bytes(settings: Settings) -> str:
    """Return bytes of the newest snapshot."""
    return f"max {by(settings)} (gx_backup_bytes{{{scraped(settings, BACKUP_METRICS)}}})"


def failed_runs(settings: Settings) -> str:
    """Return whether a run of the backup failed; nothing once a later one succeeded: the failed Job is kept."""
    jobs, cron_job = f'namespace="{settings.network.namespace}",job_name=~"{BACKUP}.*"', _cron_jobs(settings, BACKUP)
    failed = f"kube_job_failed{{{jobs}}}"
    began = f"max by (namespace) (kube_job_created{{{jobs}}} and on (namespace, job_name) {failed} > 0)"
    succeeded = f"max by (namespace) (kube_cronjob_status_last_successful_time{{{cron_job}}})"
    return f"(max by (namespace) ({failed}) unless on (namespace) ({succeeded} > on (namespace) {began}))"


def backup_info(settings: Settings) -> str:
    """Return 1 while there is a CronJob of the backup."""
    return f"kube_cronjob_info{{{_cron_jobs(settings, BACKUP)}}}"


def suspended(settings: Settings) -> str:
    """Return 1 for each CronJob of backup, drill and copy that is paused."""
    match = _cron_jobs(settings, BACKUP, RESTORE_DRILL, OFFSITE)
    return f"max by (namespace, cronjob) (kube_cronjob_spec_suspend{{{match}}})"


def left_out(settings: Settings) -> str:
    """Return how many objects the newest snapshot lacks that the server lists."""
    return f"max {by(settings)} (gx_backup_left_out_objects{{{scraped(settings, BACKUP_METRICS)}}})"


def status_readable(settings: Settings) -> str:
    """Return 1 while what the runs said can be read."""
    return f"max {by(settings)} (gx_backup_status_readable{{{scraped(settings, BACKUP_METRICS)}}})"


def run_succeeded(settings: Settings, run: str) -> str:
    """Return 1 if the last run of a kind came to its end."""
    match = f'{scraped(settings, BACKUP_METRICS)},run="{run}"'
    return f"min {by(settings)} (gx_backup_run_success{{{match}}})"


def _cron_jobs(settings: Settings, *names: str) -> str:
    matcher = f'="{names[0]}"' if len(names) == 1 else f'=~"{"|".join(names)}"'
    return f'namespace="{settings.network.namespace}",cronjob{matcher}'


def _age(settings: Settings, cron_job: str) -> str:
    match = _cron_jobs(settings, cron_job)
    last = f"max by (namespace) (kube_cronjob_status_last_successful_time{{{match}}} > 0)"
    return f"time() - ({last} or max by (namespace) (kube_cronjob_created{{{match}}}))"


def minio_group(settings: Settings) -> Group:
    """Return the alerts of the object store and of its backup."""
    percent = partial(Threshold, unit="% of the disk", low=10, high=100)
    full = f"{used_percent(settings)} > {THRESHOLD}"
    alerts = [
        Alert(
            name="MinIOServiceDown",
            expr=down(settings, scraped(settings, "minio")),
            seconds=120,
            severity=CRITICAL,
            summary="MinIO does not answer",
            description="Voice messages and files can neither be stored nor heard; text goes on.",
        ),
        Alert(
            name="MinIOStorageNearlyFull",
            expr=full,
            threshold=percent(value=80),
            seconds=600,
            severity=WARNING,
            summary="MinIO's disk fills up",
            description="The node's disk is shared with etcd and the backup: make room before it stops them all.",
            warns_before="MinIOStorageCriticallyFull",
        ),
        Alert(
            name="MinIOStorageCriticallyFull",
            expr=full,
            threshold=percent(value=95),
            seconds=300,
            severity=CRITICAL,
            summary="MinIO's disk is full",
            description="Uploads fail next, then whatever else writes to this disk.",
        ),
        *_backup(settings),
        *_drill(settings),
    ]
    if settings.stack.backup.offsite is not None:
        alerts.append(
            Alert(
                name="MinIOOffsiteCopyBehind",
                expr=f"{offsite_age(settings)} > {THRESHOLD}",
                threshold=Threshold(value=26 * HOUR, unit="s", low=HOUR, high=14 * 24 * HOUR),
                seconds=900,
                severity=WARNING,
                summary="the copy outside the cluster is old",
                description="If the node's disk dies now, everything since then is lost.",
            )
        )
    name = f"messaging_minio_alerts_{settings.network.name}"
    return Group(name=name, interval=60, service="minio", alerts=tuple(alerts), recordings={})


def _backup(settings: Settings) -> tuple[Alert, ...]:
    namespace = f'namespace="{settings.network.namespace}"'
    age = partial(Threshold, unit="s", low=HOUR, high=14 * 24 * HOUR)
    floor = float(parse_quantity(settings.stack.backup.free_floor))
    return (
        Alert(
            name="MinIOBackupFailed",
            expr=f"{failed_runs(settings)} > 0",
            seconds=60,
            severity=WARNING,
            summary="a backup run failed",
            description="The good copies stay; the run's log names the object or the reason.",
        ),
        Alert(
            name="MinIOBackupIncomplete",
            expr=f"{left_out(settings)} > 0",
            seconds=60,
            severity=WARNING,
            summary="the newest snapshot is complete but for some objects",
            description="The server lists them and does not give them; the run's log names them. All others are safe.",
        ),
        Alert(
            name="MinIOBackupStale",
            expr=f"{backup_age(settings)} > {THRESHOLD}",
            threshold=age(value=7 * HOUR),
            seconds=900,
            keep_seconds=900,
            severity=WARNING,
            summary="no backup succeeded for longer than a run and its retry",
            description="Also true when none ever did. The next run may fix it; a second miss will not.",
            warns_before="MinIOBackupLost",
        ),
        Alert(
            name="MinIOBackupLost",
            expr=f"{backup_age(settings)} > {THRESHOLD}",
            threshold=age(value=26 * HOUR),
            seconds=900,
            severity=CRITICAL,
            summary="no backup succeeded for more than a day",
            description="A loss now costs a day of users' voice messages.",
        ),
        Alert(
            name="MinIOBackupSuspended",
            expr=f"{suspended(settings)} == 1",
            seconds=24 * HOUR,
            severity=WARNING,
            summary="somebody paused the backup, the drill or the off-site copy and forgot it",
            description="A paused CronJob fails nothing and saves nothing.",
        ),
        Alert(
            name="MinIOBackupMissing",
            expr=f"count by (namespace) (kube_namespace_created{{{namespace}}}) "
            f"unless on (namespace) {backup_info(settings)}",
            seconds=900,
            severity=CRITICAL,
            summary="the backup's CronJob is gone",
            description="Without the object its age says nothing: this alert is the one that speaks.",
        ),
        Alert(
            name="MinIOBackupStatusUnreadable",
            expr=f"{status_readable(settings)} == 0",
            seconds=1800,
            severity=WARNING,
            summary="what the backup said cannot be read",
            description="The figures of snapshots and drill are old: the status bucket or its user is in the way.",
        ),
        Alert(
            name="MinIOBackupVolumeNearlyFull",
            expr=f"{volume_free(settings)} < {THRESHOLD}",
            threshold=Threshold(value=2 * floor, unit="bytes", low=2**20, high=2**50, below=True),
            seconds=600,
            severity=WARNING,
            summary="the disk under the backups nears the floor at which they stop",
            description="Below the floor a backup refuses to run, so that etcd on the same disk goes on.",
        ),
    )


def _drill(settings: Settings) -> tuple[Alert, ...]:
    return (
        Alert(
            name="MinIORestoreDrillFailed",
            expr=f"{run_succeeded(settings, 'drill')} == 0",
            seconds=900,
            severity=WARNING,
            summary="the newest snapshot could not be restored",
            description="A backup that cannot be restored is none. The drill's log names the object.",
        ),
        Alert(
            name="MinIORestoreDrillStale",
            expr=f"{drill_age(settings)} > {THRESHOLD}",
            threshold=Threshold(value=8 * 24 * HOUR, unit="s", low=24 * HOUR, high=60 * 24 * HOUR),
            seconds=3600,
            severity=WARNING,
            summary="no restore was tried for more than a week",
            description="Also true when none ever succeeded. Nobody knows whether the snapshots work.",
        ),
    )
