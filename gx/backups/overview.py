"""What the runs say of themselves, and which snapshots lie off-site, read through S3."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from backup.metrics import Documents, read_status
from backup.offsite import list_snapshots
from backup.s3 import BucketLocation
from backup.snapshot import FailedError, moment_of
from common.errors import InputError
from settings.schedule import longest_interval
from settings.settings import Settings


@dataclass(frozen=True, kw_only=True)
class SnapshotRow:
    """One snapshot.

    Attributes:
        stamp: Its name.
        location: "volume" or "off-site".
        state: "complete", "complete but for N", or what is wrong with it.
        objects: Number of objects.
        bytes: Their size.
        drill: What the last drill found, if it was about this one.
    """

    stamp: str
    location: str
    state: str
    objects: int = 0
    bytes: int = 0
    drill: str = ""

    @property
    def complete(self) -> bool:
        """Whether it can be restored from."""
        return self.state.startswith("complete")

    def age(self, now: datetime) -> timedelta:
        """Return how old it is."""
        return now - moment_of(self.stamp)


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Everything that is known of a network's backups.

    Attributes:
        rows: Snapshots, newest first.
        runs: What each kind of run said last.
        limit: How old the newest complete snapshot may be.
    """

    rows: tuple[SnapshotRow, ...]
    runs: Documents
    limit: timedelta

    def newest(self) -> SnapshotRow | None:
        """Return the newest complete snapshot on the volume."""
        return next((row for row in self.rows if row.complete and row.location == "volume"), None)

    def too_old(self, now: datetime) -> bool:
        """Return whether the newest complete snapshot is older than it may be, or missing."""
        newest = self.newest()
        return newest is None or newest.age(now) > self.limit


def overview(settings: Settings, status: BucketLocation, offsite: BucketLocation | None) -> Overview:
    """Read the status bucket, and the off-site bucket if there is one.

    Raises:
        InputError: One of them cannot be read.
    """
    backup = settings.stack.backup
    limit = longest_interval(backup.schedule) + timedelta(minutes=backup.deadline_minutes)
    try:
        runs = read_status(status)
        _refuse_other_networks(runs, settings.network.name)
        rows = [*_on_volume(runs), *(_off_site(offsite) if offsite else ())]
    except FailedError as error:
        raise InputError(
            file="gx backups", consequence=str(error), fix="see the message; the backups themselves are not affected"
        ) from None
    except (BotoCoreError, ClientError) as error:
        raise InputError(file="gx backups", consequence=str(error), fix="check the endpoint and its keys") from None
    return Overview(
        rows=tuple(sorted(rows, key=lambda row: (row.stamp, row.location), reverse=True)), runs=runs, limit=limit
    )


def _refuse_other_networks(runs: Documents, network: str) -> None:
    for run, said in runs.items():
        if said is not None and said["network"] != network:
            raise FailedError(f"the status of {run} is of another network: {said['network'] or 'it names none'}")


def _on_volume(runs: Documents) -> list[SnapshotRow]:
    said: dict[str, Any] = runs["backup"] or {}
    drill: dict[str, Any] = runs["drill"] or {}
    rows = [
        SnapshotRow(
            stamp=row["stamp"],
            location="volume",
            state=_state(row.get("leftOut", 0)),
            objects=row["objects"],
            bytes=row["bytes"],
            drill=_drill_text(drill) if drill.get("stamp") == row["stamp"] else "",
        )
        for row in said.get("snapshots", [])
    ]
    broken = [line.partition(": ") for line in said.get("broken", [])]
    return rows + [SnapshotRow(stamp=stamp, location="volume", state=f"no snapshot: {why}") for stamp, _, why in broken]


def _state(left_out: int) -> str:
    return f"complete but for {left_out}" if left_out else "complete"


def _drill_text(drill: dict[str, Any]) -> str:
    if drill["state"] != "complete":
        return f"failed: {drill['message']}"
    return "passed" if drill["proven"] == drill["stamp"] else ""


def _off_site(location: BucketLocation) -> list[SnapshotRow]:
    return [
        SnapshotRow(stamp=stamp, location="off-site", state="complete", objects=found.objects, bytes=found.bytes)
        if found
        else SnapshotRow(stamp=stamp, location="off-site", state="no snapshot: its proof is missing")
        for stamp, found in list_snapshots(location)
    ]
