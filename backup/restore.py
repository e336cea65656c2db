"""A snapshot back into a bucket. `python -m backup.restore STAMP --into BUCKET [--execute] [--over]`."""

import argparse
import sys
import tempfile
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from backup.config import Limits, RunEnvironment, backup_root
from backup.copying import WORKERS, in_order, refuses_all
from backup.folder import Snapshot, SnapshotFolder, in_use
from backup.offsite import OffsiteSnapshot
from backup.proving import SHOWN, ContentComparison, Unlike, compare
from backup.run import finish, say, time_limit, workers
from backup.s3 import BucketLocation, put_file, reason
from backup.seal import Seal
from backup.snapshot import NEWEST, STAMP, WHOLE_HEADERS, FailedError, Kept, Metadata, lines_of, read_kept


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

    def content(self, kept: Kept, part: Path) -> Path:
        """Return a file with an object's bytes: its own, or `part`, which is written."""
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

    def content(self, kept: Kept, part: Path) -> Path:
        """Return the object's own file."""
        del part
        return self.snapshot.path / kept.file


def restore(source: Source, target: BucketLocation, work: Path, *, execute: bool, over: bool) -> ContentComparison:
    """Bring a snapshot into a bucket and prove it there; say only what would happen unless told to do it.

    Args:
        source: The snapshot.
        target: The bucket; made when it is not there.
        work: A folder for what is on its way.
        execute: Whether to write.
        over: Whether the bucket may hold objects: those that differ are replaced, others stay.

    Raises:
        FailedError: The bucket is not empty, or what it holds afterwards is not the snapshot: the line names the
            objects that are not in it as they were; every other one is.
    """
    taken = source.metadata
    taken.require(source.manifest)
    exists = bucket_exists(target)
    todo = work / "todo.jsonl"
    with todo.open("w", encoding="utf-8") as file:
        now = ContentComparison(missing=taken.objects)
        if exists:
            now = _compare(source, target, unlike=lambda kept: file.write(next(lines_of([kept]))))
    say(
        f"{taken.stamp}: {taken.objects} objects, {taken.bytes} bytes{taken.without}; {target.bucket} "
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
    troubles = _send(source, read_kept(todo if exists else source.manifest), target, work)
    done = _compare(source, target)
    if done.missing or done.different or troubles:
        why = "; ".join(troubles[:SHOWN]) or ", ".join(map(repr, done.names))
        raise FailedError(
            f"{done.objects} of {taken.objects} objects are restored and proven in {target.bucket}; "
            f"{done.missing} are missing, {done.different} differ: {why}"
        )
    say(f"restored and proven: {done.objects} objects, {done.bytes} bytes in {target.bucket}{taken.without}")
    return done


def _compare(source: Source, target: BucketLocation, unlike: Unlike = lambda _: None) -> ContentComparison:
    return compare(read_kept(source.manifest), target, whole=source.metadata.format >= WHOLE_HEADERS, unlike=unlike)


def _send(source: Source, objects: Iterable[Kept], target: BucketLocation, work: Path) -> list[str]:
    """Write objects into a bucket; return what is wrong with single ones, a line each."""
    client = target.client()

    def send(kept: Kept, number: int) -> str:
        key, part = target.prefix + kept.key, work / f"part-{number}"
        try:
            path = source.content(kept, part)
            try:
                put_file(client, target.bucket, key, path, kept.headers)
            except ClientError as error:
                if not kept.headers or refuses_all(error):
                    raise
                put_file(client, target.bucket, key, path, {})
                return f"{kept.key!r} is there without its headers: {reason(error)}"
        except (BotoCoreError, ClientError) as error:
            if refuses_all(error):
                raise FailedError(f"cannot write {key!r} to {target.bucket}: {reason(error)}") from None
            return f"{kept.key!r}: {reason(error)}"
        finally:
            part.unlink(missing_ok=True)
        return ""

    with workers(WORKERS) as pool:
        results = in_order(pool.submit(send, kept, number) for number, kept in enumerate(objects))
        return [trouble for trouble in results if trouble]


def bucket_exists(target: BucketLocation) -> bool:
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


def make_bucket(target: BucketLocation) -> None:
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
def opened(environment: RunEnvironment, stamp: str, work: Path, *, offsite: bool) -> Generator[Source]:
    """Open a snapshot of the volume or of the off-site bucket for reading."""
    if offsite:
        yield OffsiteSnapshot.open(environment.location("OFFSITE_"), stamp, work, Seal.read(environment))
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
    environment = RunEnvironment()
    limits = Limits.read(environment)
    target = replace(environment.location(), bucket=chosen_options.into)
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
        )
    say(f"took {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    sys.exit(finish("restore", partial(main, _arguments())))
