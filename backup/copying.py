"""One copy of a bucket: what did not change is linked, the rest is read with its headers and proven as it comes."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ResponseStreamingError

from backup import keys
from backup.folder import Snapshot, files_below
from backup.reading import Reader
from backup.run import workers
from backup.s3 import BucketLocation, describe, list_objects, proves, reason
from backup.snapshot import FailedError, Kept, Listed, lines_of, paired, read_kept, read_listed, unchanged

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

WORKERS = 4
WINDOW = 64  # objects that are looked at ahead of the one that is written
GONE = frozenset({"NoSuchKey", "404"})
NOT_OF_THE_OBJECT = (401, 403)  # the key pair is refused, not this object
T = TypeVar("T")
C_co = TypeVar("C_co", covariant=True)


class Later(Protocol[C_co]):
    """A result that is there or will be."""

    def result(self) -> C_co:
        """Wait for it and return it."""
        ...

    def cancel(self) -> bool:
        """Give it up if nobody works on it yet."""
        ...


@dataclass
class Tally:
    """What a copy consists of, counted while it is made.

    Attributes:
        objects: How many it holds.
        bytes: Their size together.
        linked: Those that the snapshot before had.
        fetched: Those that were read.
        vanished: Objects of the listing that were deleted before they could be read.
        left_out: What the server lists and does not give, and why: a line each.
    """

    objects: int = 0
    bytes: int = 0
    linked: int = 0
    fetched: int = 0
    vanished: int = 0
    left_out: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, kw_only=True)
class Proven:
    """One object of the copy and how it came there; None where it is not in it.

    Attributes:
        kept: The object.
        linked: Whether the snapshot before had it.
        problem: Why the server does not give it; empty where it was deleted.
    """

    kept: Kept | None
    linked: bool = False
    problem: str = ""


class Copying:
    """A copy of one bucket into one folder.

    Args:
        source: The bucket.
        folder: The folder of the snapshot that is being made.
        base: The newest complete snapshot; what it has unchanged is linked.
    """

    def __init__(self, source: BucketLocation, folder: Path, base: Snapshot | None) -> None:
        self._source = source
        self._client: S3Client = source.client()
        self._reader = Reader(source)
        self._folder = folder
        self._base = base

    def list_source(self, file: Path) -> None:
        """Write a listing of the bucket as it is now."""
        with file.open("w", encoding="utf-8") as listing:
            listing.writelines(lines_of(list_objects(self._client, self._source.bucket, self._source.prefix)))

    def compare(self, listing: Path) -> Iterator[tuple[Listed | None, Kept | None]]:
        """Yield the objects of a listing beside those of the snapshot before."""
        return paired(read_listed(listing), read_kept(self._base.manifest) if self._base else iter(()))

    def copy(self, listing: Path, manifest: Path) -> Tally:
        """Make the copy and write its manifest: every object of the listing, as it was when it was read.

        Raises:
            FailedError: The server is not there, or the folder holds something else than the manifest says.
        """
        tally = Tally()
        location = keys.locations()
        with workers(WORKERS) as pool, manifest.open("w", encoding="utf-8") as file:

            def start(listed: Listed, kept: Kept | None) -> Later[Proven]:
                path = location(listed.key)
                # Folders are made here alone: a thread that outlives a failure makes none where the copy has been.
                (self._folder / path).parent.mkdir(parents=True, exist_ok=True)
                if kept is not None and unchanged(listed, kept) and self._link(kept, path):
                    if listed.modified == kept.modified:
                        return Ready(Proven(kept=replace(kept, file=path), linked=True))
                    return pool.submit(self._alone, listed.key, path, lambda: self._touched(listed, kept, path))
                return pool.submit(self._alone, listed.key, path, lambda: self._fetch(listed, path))

            pairs = ((listed, kept) for listed, kept in self.compare(listing) if listed is not None)
            results = in_order(start(listed, kept) for listed, kept in pairs)
            file.writelines(lines_of(self._counted(results, tally)))
        if (found := self._count()) != (tally.objects, tally.bytes):
            raise FailedError(
                f"the copy holds {found[0]} files of {found[1]} bytes, "
                f"its manifest {tally.objects} objects of {tally.bytes} bytes"
            )
        return tally

    def _link(self, kept: Kept, path: str) -> bool:
        """Give an object of the snapshot before a second name in this one; return whether that is it, whole."""
        assert self._base is not None
        target = self._folder / path
        try:
            os.link(self._base.path / kept.file, target, follow_symlinks=False)
        except FileNotFoundError:
            return False  # somebody removed it
        if target.is_symlink() or target.stat().st_size != kept.size:
            target.unlink()
            return False
        return True

    def _alone(self, key: str, path: str, work: Callable[[], Proven]) -> Proven:
        """Do something with one object; what is wrong with it alone is noted, so that the others are kept."""
        proven = self._tried(key, work)
        if proven.kept is None:
            (self._folder / path).unlink(missing_ok=True)  # it was linked before it was asked for
        return proven

    @staticmethod
    def _tried(key: str, work: Callable[[], Proven]) -> Proven:
        for last in (False, True):
            try:
                return work()
            except (BotoCoreError, ClientError) as error:
                answered = isinstance(error, ClientError)
                if answered and error.response.get("Error", {}).get("Code") in GONE:
                    return Proven(kept=None)
                if refuses_all(error):
                    raise FailedError(f"cannot read {key!r}: {reason(error)}") from None
                # A server that is gone cuts an object off, and one that has lost a part of it, too: ask once more.
                if answered or last:
                    return Proven(kept=None, problem=f"{key!r}: {reason(error)}")
        raise AssertionError

    def _touched(self, listed: Listed, kept: Kept, path: str) -> Proven:
        """Ask for the headers of an object that has the same bytes and another time."""
        found = describe(self._client, self._source.bucket, self._source.prefix + listed.key)
        if not unchanged(found, kept):
            (self._folder / path).unlink(missing_ok=True)  # a second try finds it gone
            return self._fetch(listed, path)
        return Proven(kept=_kept(listed, found, path, kept.md5), linked=True)

    def _fetch(self, listed: Listed, path: str) -> Proven:
        """Read one object as it is now."""
        target, part = self._folder / path, self._folder / f"part-{abs(hash(listed.key))}"
        try:
            found, digest = self._reader.download(self._source.prefix + listed.key, part)
            kept = _kept(listed, found, path, digest.md5)
            if not proves(self._client, self._source, kept, part, digest):
                return Proven(kept=None, problem=f"{listed.key!r}: what was read differs from what the server lists")
            part.rename(target)
        finally:
            part.unlink(missing_ok=True)
        return Proven(kept=kept)

    def _counted(self, results: Iterable[Proven], tally: Tally) -> Iterator[Kept]:
        for proven in results:
            if proven.kept is None:
                tally.vanished += not proven.problem
                if proven.problem:
                    tally.left_out.append(proven.problem)
                continue
            tally.objects += 1
            tally.bytes += proven.kept.size
            tally.linked += proven.linked
            tally.fetched += not proven.linked
            yield proven.kept

    def _count(self) -> tuple[int, int]:
        count = size = 0
        for part in (keys.DATA, keys.BY_HASH):
            if (self._folder / part).is_dir():
                for _, length in files_below(self._folder / part):
                    count += 1
                    size += length
        return count, size


def refuses_all(error: BotoCoreError | ClientError) -> bool:
    """Return whether an error is the server's or the key pair's, and not of the one object that met it."""
    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in NOT_OF_THE_OBJECT
    return isinstance(error, HTTPClientError) and not isinstance(error, ResponseStreamingError)


def _kept(listed: Listed, found: Listed, file: str, md5: str) -> Kept:
    """Return an object as it was found; its time is the listing's, which is finer, while it is the listed one."""
    modified = listed.modified if unchanged(listed, found) else found.modified
    return Kept(
        key=listed.key,
        size=found.size,
        etag=found.etag,
        modified=modified,
        headers=found.headers,
        md5=md5,
        file=file,
    )


def in_order(results: Iterable[Later[T]]) -> Iterator[T]:
    """Yield results in their order; only a window of them is computed ahead."""
    waiting: deque[Later[T]] = deque()
    try:
        for result in results:
            waiting.append(result)
            if len(waiting) >= WINDOW:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for result in waiting:
            result.cancel()


class Ready(Generic[T]):
    """A result that is there already."""

    def __init__(self, value: T) -> None:
        self._value = value

    def result(self) -> T:
        """Return it."""
        return self._value

    def cancel(self) -> bool:
        """Do nothing: it is there."""
        return False
