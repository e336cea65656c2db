"""A snapshot back into a bucket. `python -m gx.snapshots.restore STAMP --into BUCKET [--execute] [--over]`."""

import argparse
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from gx.snapshots.config import Environment, Limits, backup_root
from gx.snapshots.folder import Snapshot, SnapshotFolder, in_use
from gx.snapshots.model import NEWEST, STAMP, FailedError, Kept, Metadata, read_kept
from gx.snapshots.offsite import OffsiteSnapshot
from gx.snapshots.proving import Comparison, compare
from gx.snapshots.run import finish, say, time_limit
from gx.snapshots.s3 import Place, reason
from gx.snapshots.uploading import upload


class Source(Protocol):
    """Where a snapshot is restored from."""

    @property
    def metadata(self) -> Metadata:
        """Its proof."""
        ...

    @property
    def manifest(self) -> Path:
        """The list of its objects."""
        ...

    def send(self, target: Place, work: Path, *, stall_seconds: float, overwrite: bool) -> None:
        """Copy every object into a bucket; nothing is proven."""
        ...


@dataclass(frozen=True)
class FromFolder:
    """A snapshot on the backup's volume."""

    snapshot: Snapshot

    @property
    def metadata(self) -> Metadata:
        """Its proof."""
        return self.snapshot.metadata

    @property
    def manifest(self) -> Path:
        """The list of its objects."""
        return self.snapshot.manifest

    def send(self, target: Place, work: Path, *, stall_seconds: float, overwrite: bool) -> None:
        """Copy every object into a bucket; nothing is proven."""
        upload(
            lambda: read_kept(self.manifest),
            self.snapshot.path,
            target,
            work,
            name_of=_own_name,
            stall_seconds=stall_seconds,
            overwrite=overwrite,
        )


def _own_name(kept: Kept) -> str:
    return kept.key


def restore(
    source: Source, target: Place, work: Path, *, execute: bool, over: bool, stall_seconds: float
) -> Comparison:
    """Bring a snapshot into a bucket and prove it there; say only what would happen unless told to do it.

    Args:
        source: The snapshot.
        target: The bucket; made when it is not there.
        work: A folder for links.
        execute: Whether to write.
        over: Whether the bucket may hold objects: those that differ are replaced, others stay.
        stall_seconds: How long mc may copy nothing.

    Raises:
        FailedError: The bucket is not empty, or what it holds afterwards is not the snapshot.
    """
    taken = source.metadata
    taken.require(source.manifest)
    exists = bucket_exists(target)
    now = compare(read_kept(source.manifest), target) if exists else Comparison(missing=taken.objects)
    say(
        f"{taken.stamp}: {taken.objects} objects, {taken.bytes} bytes; {target.bucket} "
        + (f"holds {now.objects} of them, {now.different} differ, {now.others} others stay" if exists else "is new")
    )
    if (now.objects or now.different or now.others) and not over:
        raise FailedError(
            f"{target.bucket} is not empty; nothing was written; restore into another bucket, or say --over: "
            f"{now.different} objects would be replaced, nothing would be removed"
        )
    if not execute:
        say(f"dry run: {now.missing + now.different} objects would be written to {target.bucket}; say --execute")
        return now
    if not exists:
        make_bucket(target)
    source.send(target, work, stall_seconds=stall_seconds, overwrite=over)
    done = compare(read_kept(source.manifest), target)
    done.require_equal(f"{target.bucket} after the restore")
    say(f"restored and proven: {done.objects} objects, {done.bytes} bytes in {target.bucket}")
    return done


def bucket_exists(target: Place) -> bool:
    """Return whether a bucket is there.

    Raises:
        FailedError: The server refuses to say.
    """
    try:
        target.client().head_bucket(Bucket=target.bucket)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in {"404", "NoSuchBucket"}:
            return False
        raise FailedError(f"{target.bucket} cannot be looked at: {reason(error)}") from None
    except BotoCoreError as error:
        raise FailedError(f"{target.endpoint} cannot be reached: {reason(error)}") from None
    return True


def make_bucket(target: Place) -> None:
    """Create a bucket.

    Raises:
        FailedError: The server refuses.
    """
    try:
        target.client().create_bucket(Bucket=target.bucket)
    except (BotoCoreError, ClientError) as error:
        raise FailedError(f"{target.bucket} cannot be made: {reason(error)}") from None


def chosen(folder: SnapshotFolder, stamp: str) -> Snapshot:
    """Return the complete snapshot of a stamp, or the newest one.

    Raises:
        FailedError: There is none.
    """
    snapshots, broken = folder.scan()
    found = [s for s in snapshots if stamp in (NEWEST, s.metadata.stamp)]
    if not found:
        bad = next((line for line in broken if line.startswith(stamp)), "")
        known = ", ".join(s.metadata.stamp for s in snapshots[-5:]) or "there is none"
        raise FailedError(bad or f"there is no complete snapshot {stamp}; the newest ones: {known}")
    return found[-1]


@contextmanager
def opened(environment: Environment, stamp: str, work: Path, *, offsite: bool) -> Generator[Source]:
    """Open a snapshot of the volume or of the off-site bucket for reading."""
    if offsite:
        yield OffsiteSnapshot.open(environment.place("OFFSITE_"), stamp, work)
        return
    snapshot = chosen(SnapshotFolder(backup_root(environment)), stamp)
    with in_use(snapshot):
        yield FromFolder(snapshot)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="restore")
    parser.add_argument("stamp", help="a snapshot's name, or newest")
    parser.add_argument("--into", required=True, metavar="BUCKET")
    parser.add_argument("--execute", action="store_true", help="write; without it nothing is changed")
    parser.add_argument("--over", action="store_true", help="the bucket may hold objects; those that differ change")
    parser.add_argument("--offsite", action="store_true", help="read from the off-site bucket")
    return parser.parse_args()


def main(chosen_options: argparse.Namespace) -> None:
    """Restore as the arguments and the environment say."""
    if chosen_options.stamp != NEWEST and not STAMP.fullmatch(chosen_options.stamp):
        raise FailedError(f"{chosen_options.stamp!r} is no snapshot's name (as 20251225T060000Z)")
    environment = Environment()
    limits = Limits.read(environment)
    target = replace(environment.place(), bucket=chosen_options.into, lists_headers=True)
    started = time.monotonic()
    with (
        time_limit(limits.seconds),
        tempfile.TemporaryDirectory(prefix="restore-") as folder,
        opened(environment, chosen_options.stamp, Path(folder), offsite=chosen_options.offsite) as source,
    ):
        restore(
            source,
            target,
            Path(folder),
            execute=chosen_options.execute,
            over=chosen_options.over,
            stall_seconds=limits.stall_seconds,
        )
    say(f"took {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    sys.exit(finish("restore", partial(main, _arguments())))
