"""One backup: copy what is new, prove every object, then retire what is too old. `python -m backup.take`."""

import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3

from backup import status
from backup.config import Limits, RunEnvironment, ShrinkRule, backup_root
from backup.copying import Copying, Tally
from backup.folder import Snapshot, SnapshotFolder, free_bytes
from backup.run import finish, say, time_limit
from backup.s3 import BucketLocation
from backup.snapshot import (
    MANIFEST,
    FailedError,
    Kept,
    Metadata,
    manifest_digest,
    moment_of,
    stamp_of,
    unchanged,
)

SHOWN = 20  # names of objects that a proof holds


@dataclass
class Need:
    """What a listing asks for, beside the snapshot before; what was overwritten there is lost, too."""

    objects: int = 0
    bytes: int = 0
    new_bytes: int = 0
    lost_objects: int = 0
    lost_bytes: int = 0
    base_objects: int = 0
    base_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A backup as it is set up.

    Attributes:
        network: Whose bucket it is.
        source: The bucket.
        folder: Where snapshots lie.
        limits: When it gives up.
        shrink: When a bucket that has lost objects is not copied.
        retention_days: How long a complete snapshot is kept.
        keep_least: How many complete snapshots stay, however old they are.
    """

    network: str
    source: BucketLocation
    folder: SnapshotFolder
    limits: Limits
    shrink: ShrinkRule
    retention_days: int
    keep_least: int

    @classmethod
    def read(cls, environment: RunEnvironment) -> "Backup":
        """Return the backup that the variables describe."""
        return cls(
            network=environment.text("NETWORK"),
            source=environment.location(),
            folder=SnapshotFolder(backup_root(environment)),
            limits=Limits.read(environment),
            shrink=ShrinkRule.read(environment),
            retention_days=int(environment.number("RETENTION_DAYS")),
            keep_least=int(environment.number("KEEP_LEAST")),
        )

    def run(self, now: datetime) -> Snapshot:
        """Make one snapshot and retire old ones; return it.

        Raises:
            FailedError: There is no new snapshot; everything is as it was before.
        """
        with self.folder.locked():
            if left := self.folder.clean_up():
                say(f"removed what a killed run left: {', '.join(left)}")
            snapshots, broken = self.folder.scan()
            for line in broken:
                say(f"is no complete snapshot and is left alone: {line}")
            base = snapshots[-1] if snapshots else None
            stamp = stamp_of(now)
            self._refuse_clock(now, base)
            partial = self.folder.start(stamp)
            try:
                snapshot = self._take(partial, base, stamp)
            except BaseException:
                self.folder.drop(partial)
                raise
            for name in self.folder.retire(
                [*snapshots, snapshot], days=self.retention_days, least=self.keep_least, now=now
            ):
                say(f"retired: {name}")
            return snapshot

    def _take(self, partial: Path, base: Snapshot | None, stamp: str) -> Snapshot:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="backup-") as work:
            listing = Path(work) / "listing.jsonl"
            copying = Copying(self.source, partial, base)
            copying.list_source(listing)
            need = self._need(copying, listing)
            self._refuse_shrunken(need, base)
            self._refuse_full_disk(need)
            say(f"listed: {need.objects} objects, {need.bytes} bytes, of which {need.new_bytes} bytes are new")
            tally = copying.copy(listing, partial / MANIFEST)
        self._refuse_left_out(tally)
        return self.folder.finish(partial, self._metadata(partial / MANIFEST, stamp, tally, time.monotonic() - started))

    def _refuse_clock(self, now: datetime, base: Snapshot | None) -> None:
        """Refuse a time that cannot be right: it would name the snapshot and retire the others."""
        if base is None:
            return
        newest, stamp = base.metadata.stamp, stamp_of(now)
        if stamp <= newest:
            raise FailedError(f"the newest snapshot is {newest}, now is {stamp}: check the clock")
        if now - moment_of(newest) > timedelta(days=self.retention_days) and self.shrink.accepted != newest:
            raise FailedError(
                f"the newest snapshot is {newest}, now is {stamp}, more than the {self.retention_days} days that "
                f"snapshots are kept: the clock is wrong, or no backup has succeeded since; nothing was copied or "
                f"removed; if the clock is right, set backup.acceptedShrink to {newest}"
            )

    def _need(self, copying: Copying, listing: Path) -> Need:
        need = Need()
        for listed, kept in copying.compare(listing):
            if kept is not None:
                need.base_objects += 1
                need.base_bytes += kept.size
            same = listed is not None and kept is not None and unchanged(listed, kept)
            if listed is not None:
                need.objects += 1
                need.bytes += listed.size
                need.new_bytes += 0 if same else listed.size
            if kept is not None and not same and not (listed is None and self._may_have_expired(kept)):
                need.lost_objects += 1
                need.lost_bytes += kept.size
        return need

    def _may_have_expired(self, kept: Kept) -> bool:
        for prefix, days in self.shrink.expiry_days.items():
            if kept.key.startswith(prefix):
                return datetime.fromisoformat(kept.modified) + timedelta(days=days) <= datetime.now(UTC)
        return False

    def _refuse_shrunken(self, need: Need, base: Snapshot | None) -> None:
        if base is None or self.shrink.accepted == base.metadata.stamp:
            return
        shares = (
            100 * need.lost_objects / max(need.base_objects, 1),
            100 * need.lost_bytes / max(need.base_bytes, 1),
        )
        if max(shares) > self.shrink.percent:
            stamp = base.metadata.stamp
            raise FailedError(
                f"{need.lost_objects} of {need.base_objects} objects ({max(shares):.0f} % by number or size) are gone "
                f"or overwritten since {stamp}, more than the {self.shrink.percent:g} % that are allowed; nothing was "
                f"copied or removed; if that is right, set backup.acceptedShrink to {stamp}"
            )

    def _refuse_full_disk(self, need: Need) -> None:
        free = free_bytes(self.folder.path)
        if free < need.new_bytes + self.limits.free_bytes:
            raise FailedError(
                f"{free} bytes are free on the disk of {self.folder.path}; this snapshot needs {need.new_bytes} and "
                f"{self.limits.free_bytes} must stay free; nothing was copied"
            )

    def _refuse_left_out(self, tally: Tally) -> None:
        """Refuse a copy without so many objects that it is none."""
        lost = len(tally.left_out)
        if 100 * lost > self.shrink.percent * (tally.objects + lost):
            raise FailedError(
                f"the server does not give {lost} of {tally.objects + lost} objects, more than the "
                f"{self.shrink.percent:g} % that may be left out: {'; '.join(tally.left_out[:3])}"
            )

    def _metadata(self, manifest: Path, stamp: str, tally: Tally, seconds: float) -> Metadata:
        return Metadata(
            network=self.network,
            bucket=self.source.bucket,
            stamp=stamp,
            objects=tally.objects,
            bytes=tally.bytes,
            manifest_sha256=manifest_digest(manifest),
            manifest_bytes=manifest.stat().st_size,
            seconds=round(seconds, 1),
            linked=tally.linked,
            fetched=tally.fetched,
            vanished=tally.vanished,
            left_out=len(tally.left_out),
            left_out_names=tuple(tally.left_out[:SHOWN]),
            tools={"boto3": boto3.__version__},
        )


def main() -> None:
    """Run one backup as the environment describes it, and say in the status bucket how it went."""
    environment = RunEnvironment()
    with status.reported(environment, status.BACKUP, lambda: _facts(environment)) as said:
        backup = Backup.read(environment)
        with time_limit(backup.limits.seconds):
            taken = backup.run(datetime.now(UTC)).metadata
        said.proven = taken.stamp
        said.message = taken.without.strip()
        counts = f"{taken.objects} objects, {taken.bytes} bytes, {taken.linked} linked"
        say(f"complete{taken.without}: {taken.stamp}, {counts}")


def _facts(environment: RunEnvironment) -> status.Facts:
    """Return what lies on the volume."""
    folder = SnapshotFolder(backup_root(environment))
    snapshots, broken = folder.scan()
    return {
        "snapshots": status.snapshot_rows(snapshots),
        "broken": broken,
        "freeBytes": free_bytes(folder.path),
    }


if __name__ == "__main__":
    sys.exit(finish("backup", main))
