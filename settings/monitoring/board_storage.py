"""The dashboard of MinIO and its backup."""

from common.panels import Board, Panel, Query, Unit, one
from settings.monitoring import storage
from settings.monitoring.targets import answering, scraped
from settings.settings import Settings


def storage_board(settings: Settings) -> Board:
    """Return MinIO, its backup, its restore drill and the copy outside the cluster."""
    return Board(
        key="storage",
        title="Storage and backups",
        rows=(
            ("MinIO", _minio(settings)),
            ("Backup", _backup_ages(settings)),
            ("What the runs say", _backup_runs(settings)),
        ),
    )


def _minio(settings: Settings) -> tuple[Panel, ...]:
    return (
        Panel(
            title="MinIO answers",
            reading="0 or nothing: voice and files neither send nor open.",
            unit=Unit.COUNT,
            queries=one(answering(settings, scraped(settings, "minio")), "servers"),
            alerts=("MinIOServiceDown",),
        ),
        Panel(
            title="Disk used",
            reading="Per cent of the node's disk, which etcd and the backup share.",
            unit=Unit.PERCENT,
            queries=one(storage.used_percent(settings), "used"),
            alerts=("MinIOStorageNearlyFull", "MinIOStorageCriticallyFull"),
        ),
        Panel(
            title="Requests by kind",
            reading="Calls of the S3 API a second.",
            unit=Unit.PER_SECOND,
            queries=one(storage.requests(settings), "{{api}}"),
        ),
    )


def _backup_ages(settings: Settings) -> tuple[Panel, ...]:
    offsite = (
        Panel(
            title="Age of the copy outside the cluster",
            reading="What a dead disk would cost.",
            unit=Unit.SECONDS,
            queries=one(storage.offsite_age(settings), "copy"),
            alerts=("MinIOOffsiteCopyBehind",),
        ),
    )
    return (
        Panel(
            title="Age of the last backup",
            reading="A saw of six hours. A line that only rises: no run succeeds.",
            unit=Unit.SECONDS,
            queries=one(storage.backup_age(settings), "backup"),
            alerts=("MinIOBackupStale", "MinIOBackupLost"),
        ),
        Panel(
            title="Age of the last restore drill",
            reading="Back to zero once a week.",
            unit=Unit.SECONDS,
            queries=one(storage.drill_age(settings), "drill"),
            alerts=("MinIORestoreDrillStale",),
        ),
        *(offsite if settings.stack.backup.offsite is not None else ()),
        Panel(
            title="Free under the snapshots",
            reading="Below the floor of the network a backup refuses to run.",
            unit=Unit.BYTES,
            queries=one(storage.volume_free(settings), "free"),
            alerts=("MinIOBackupVolumeNearlyFull",),
        ),
    )


def _backup_runs(settings: Settings) -> tuple[Panel, ...]:
    return (
        Panel(
            title="CronJob of the backup",
            reading="There is 1; paused and failed are 0.",
            unit=Unit.COUNT,
            queries=(
                Query(expr=storage.backup_info(settings), legend="there"),
                Query(expr=storage.suspended(settings), legend="{{cronjob}} paused"),
                Query(expr=storage.failed_runs(settings), legend="failed"),
            ),
            alerts=("MinIOBackupMissing", "MinIOBackupSuspended", "MinIOBackupFailed"),
        ),
        Panel(
            title="Objects that the newest snapshot lacks",
            reading="0 is good. The server lists them and does not give them; the run's log names them.",
            unit=Unit.COUNT,
            queries=one(storage.left_out(settings), "left out"),
            alerts=("MinIOBackupIncomplete",),
        ),
        Panel(
            title="Last runs that came to their end",
            reading="1 is good. `readable` 0: the other figures are old.",
            unit=Unit.YES_NO,
            queries=(
                Query(expr=storage.run_succeeded(settings, "backup"), legend="backup"),
                Query(expr=storage.run_succeeded(settings, "drill"), legend="drill"),
                Query(expr=storage.status_readable(settings), legend="readable"),
            ),
            alerts=("MinIORestoreDrillFailed", "MinIOBackupStatusUnreadable"),
        ),
        Panel(
            title="Newest snapshot",
            reading="Bytes. A sudden fall: objects are missing at the source.",
            unit=Unit.BYTES,
            queries=one(storage.snapshot_bytes(settings), "bytes"),
        ),
    )
