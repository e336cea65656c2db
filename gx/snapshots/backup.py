"""One backup: copy what is new, prove the whole, then retire what is too old. `python -m gx.snapshots.backup`."""

import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3

from gx.snapshots import status
from gx.snapshots.config import Environment, Limits, ShrinkRule, backup_root
from gx.snapshots.copying import Copying, Tally
from gx.snapshots.folder import Snapshot, SnapshotFolder, free_bytes, remove_tree
from gx.snapshots.hashing import HashStore
from gx.snapshots.keys import is_safe
from gx.snapshots.mirror import client_version
from gx.snapshots.model import MANIFEST, FailedError, Kept, Metadata, manifest_digest, stamp_of, unchanged
from gx.snapshots.run import finish, say, time_limit
from gx.snapshots.s3 import Place


@dataclass
class Need:
    """What a listing asks for, beside the snapshot before."""

    objects: int = 0
    bytes: int = 0
    new_objects: int = 0
    new_bytes: int = 0
    lost_objects: int = 0
    lost_bytes: int = 0
    base_objects: int = 0
    base_bytes: int = 0
    unsafe: int = 0
    touched: int = 0


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
    """

    network: str
    source: Place
    folder: SnapshotFolder
    limits: Limits
    shrink: ShrinkRule
    retention_days: int

    @classmethod
    def read(cls, environment: Environment) -> "Backup":
        """Return the backup that the variables describe."""
        return cls(
            network=environment.text("NETWORK"),
            source=environment.place(),
            folder=SnapshotFolder(backup_root(environment)),
            limits=Limits.read(environment),
            shrink=ShrinkRule.read(environment),
            retention_days=int(environment.number("RETENTION_DAYS")),
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
            if base and stamp <= base.metadata.stamp:
                raise FailedError(f"the newest snapshot is {base.metadata.stamp}, now is {stamp}: check the clock")
            partial = self.folder.start(stamp)
            try:
                snapshot = self._take(partial, base, stamp)
            except BaseException:
                remove_tree(partial)
                raise
            for name in self.folder.retire([*snapshots, snapshot], days=self.retention_days, now=now):
                say(f"retired: {name}")
            return snapshot

    def _take(self, partial: Path, base: Snapshot | None, stamp: str) -> Snapshot:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="backup-") as work, HashStore(Path(work)) as hashes:
            copying = Copying(self.source, partial, base, Path(work), hashes)
            before = copying.list_source("before", headers=False)
            need = self._need(copying, before)
            self._refuse_shrunken(need, base)
            self._refuse_full_disk(need)
            say(f"listed: {need.objects} objects, {need.bytes} bytes, of which {need.new_bytes} bytes are new")
            copying.link(before)
            moved, after = False, before
            if need.new_objects:
                moved = self._move(copying, need)
            if need.new_objects or need.touched:
                after = copying.list_source("after", headers=True)
            tally = copying.prove(before, after, partial / MANIFEST)
        metadata = self._metadata(partial / MANIFEST, stamp, tally, time.monotonic() - started, moved=moved)
        return self.folder.finish(partial, metadata)

    def _move(self, copying: Copying, need: Need) -> bool:
        """Let mc copy what is new; return whether it was asked at all."""
        if need.unsafe:
            say(f"{need.unsafe} names would lead out of the folder: every new object is read by itself, without mc")
            return False
        say(str(copying.move(stall_seconds=self.limits.stall_seconds)))
        return True

    def _need(self, copying: Copying, listing: Path) -> Need:
        need = Need()
        for listed, kept in copying.compare(listing):
            if kept is not None:
                need.base_objects += 1
                need.base_bytes += kept.size
            if listed is not None:
                need.objects += 1
                need.bytes += listed.size
                need.unsafe += not is_safe(listed.key)
                if kept is None or not unchanged(listed, kept):
                    need.new_objects += 1
                    need.new_bytes += listed.size
                else:
                    need.touched += listed.modified != kept.modified
            elif kept is not None and not self._may_have_expired(kept):
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
            raise FailedError(
                f"{need.lost_objects} of {need.base_objects} objects ({max(shares):.0f} % by number or size) are gone "
                f"since {base.metadata.stamp}, more than the {self.shrink.percent:g} % that are allowed; nothing was "
                f"copied or removed; if the loss is right, set backup.acceptedShrink to {base.metadata.stamp}"
            )

    def _refuse_full_disk(self, need: Need) -> None:
        free = free_bytes(self.folder.path)
        if free < need.new_bytes + self.limits.free_bytes:
            raise FailedError(
                f"{free} bytes are free on the disk of {self.folder.path}; this snapshot needs {need.new_bytes} and "
                f"{self.limits.free_bytes} must stay free; nothing was copied"
            )

    def _metadata(self, manifest: Path, stamp: str, tally: Tally, seconds: float, *, moved: bool) -> Metadata:
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
            mirrored=max(tally.objects - tally.linked - tally.fetched, 0),
            fetched=tally.fetched,
            vanished=tally.vanished,
            tools={"boto3": boto3.__version__, **({"mc": client_version()} if moved else {})},
        )


def main() -> None:
    """Run one backup as the environment describes it, and say in the status bucket how it went."""
    environment = Environment()
    with status.reported(environment, status.BACKUP, lambda: _facts(environment)) as said:
        backup = Backup.read(environment)
        with time_limit(backup.limits.seconds):
            taken = backup.run(datetime.now(UTC)).metadata
        said.proven = taken.stamp
        say(f"complete: {taken.stamp}, {taken.objects} objects, {taken.bytes} bytes, {taken.linked} linked")


def _facts(environment: Environment) -> status.Facts:
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
