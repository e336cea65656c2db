"""The steps of one copy: link what the snapshot before has, let mc move the rest, prove every object."""

import contextlib
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from gx.snapshots import keys
from gx.snapshots.folder import Snapshot, files_below
from gx.snapshots.hashing import HashStore, hash_file
from gx.snapshots.mirror import Mirrored, alias, mirror
from gx.snapshots.model import FailedError, Kept, Listed, lines_of, paired, read_kept, read_listed, unchanged
from gx.snapshots.run import workers
from gx.snapshots.s3 import Place, download, kept_headers, list_objects, proves, reason

WORKERS = 2  # hashing is bound by the processor; the pod has half a core to two
WINDOW = 64  # objects that are looked at ahead of the one that is written
GONE = frozenset({"NoSuchKey", "404"})
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
    """What a copy consists of, counted while it is proven."""

    objects: int = 0
    bytes: int = 0
    linked: int = 0
    fetched: int = 0
    vanished: int = 0


@dataclass(frozen=True, kw_only=True)
class Proven:
    """One object of the copy and how it came there; None where the server no longer has it."""

    kept: Kept | None
    linked: bool = False
    fetched: bool = False


class Copying:
    """A copy of one bucket into one folder.

    Args:
        source: The bucket.
        folder: The folder of the snapshot that is being made.
        base: The newest complete snapshot; what it has unchanged is linked.
        work: A folder for listings.
        hashes: Hashes what mc has copied while it copies on.
    """

    def __init__(self, source: Place, folder: Path, base: Snapshot | None, work: Path, hashes: HashStore) -> None:
        self._source = source
        self._client = source.client()
        self._folder = folder
        self._base = base
        self._work = work
        self._hashes = hashes
        self._headers_listed = False

    def list_source(self, name: str, *, headers: bool) -> Path:
        """Write a listing of the bucket as it is now; return its file.

        Args:
            name: Name of the file.
            headers: Whether content types and user metadata are asked for: that takes the server twice as long.
        """
        file = self._work / f"{name}.jsonl"
        self._headers_listed = headers
        client = replace(self._source, lists_headers=headers).client()
        with file.open("w", encoding="utf-8") as listing:
            listing.writelines(lines_of(list_objects(client, self._source.bucket, self._source.prefix)))
        return file

    def _base_objects(self) -> Iterator[Kept]:
        return read_kept(self._base.manifest) if self._base else iter(())

    def compare(self, listing: Path) -> Iterator[tuple[Listed | None, Kept | None]]:
        """Yield the objects of a listing beside those of the snapshot before."""
        return paired(read_listed(listing), self._base_objects())

    def link(self, listing: Path) -> None:
        """Give every unchanged object of the snapshot before a second name in this one."""
        if self._base is None:
            return
        place, last_parent = keys.places(), ""
        for listed, kept in self.compare(listing):
            if listed is None:
                continue
            target = f"{self._folder}/{place(listed.key)}"
            if kept is None or not unchanged(listed, kept):
                continue
            if (parent := os.path.dirname(target)) != last_parent:  # noqa: PTH120 called once per object
                os.makedirs(parent, exist_ok=True)  # noqa: PTH103
                last_parent = parent
            with contextlib.suppress(FileNotFoundError):  # somebody removed it: it is copied anew
                os.link(f"{self._base.path}/{kept.file}", target)

    def move(self, *, stall_seconds: float) -> Mirrored:
        """Let mc copy everything that is not there yet."""
        (self._folder / keys.DATA).mkdir(exist_ok=True)
        path = f"source/{self._source.bucket}/{self._source.prefix}"
        said = mirror(
            path,
            f"{self._folder / keys.DATA}/",
            alias("source", self._source),
            stall_seconds=stall_seconds,
            copied=self._hashes.add,
        )
        self._hashes.settle()
        return said

    def prove(self, before: Path, after: Path, manifest: Path) -> Tally:
        """Write the manifest: every object of the bucket, compared with the copy; what is missing is read by itself.

        Objects that were written after the first listing and that mc did not copy are left to the next run.

        Args:
            before: The listing that the copy began with.
            after: A listing made when mc was done; the same file where nothing had to be moved.
            manifest: The file to write.

        Raises:
            FailedError: An object cannot be read, or the folder holds something else than the manifest says.
        """
        tally = Tally()
        with workers(WORKERS) as pool, manifest.open("w", encoding="utf-8") as file:
            current = self._wanted(before, after, tally)
            pairs = paired(current, self._base_objects())
            results = in_order(self._prove_one(pool, pair) for pair in pairs)
            file.writelines(lines_of(self._counted(results, tally)))
        self._compare_folder(manifest, tally)
        return tally

    def _wanted(self, before: Path, after: Path, tally: Tally) -> Iterator["_Wanted"]:
        place = keys.places()
        listings = paired(read_listed(after), read_listed(before))
        if before == after:  # nothing was moved: one reading is enough
            listings = ((listed, listed) for listed in read_listed(after))
        for listed, earlier in listings:
            if listed is None:
                tally.vanished += 1
                continue
            file = place(listed.key)
            if earlier is not None or os.path.lexists(f"{self._folder}/{file}"):
                yield _Wanted(key=listed.key, listed=listed, file=file)

    def _prove_one(self, pool: ThreadPoolExecutor, pair: tuple["_Wanted | None", Kept | None]) -> Later[Proven]:
        """Return the proof of one object at once where nothing must be read, else what a worker will find."""
        wanted, kept = pair
        if wanted is None:
            return Ready(Proven(kept=None))
        listed, path = wanted.listed, f"{self._folder}/{wanted.file}"
        if kept is not None and self._is_linked(path, listed, kept):
            headers = listed.headers if self._headers_listed else kept.headers
            return Ready(Proven(kept=_kept(listed, wanted.file, kept.md5, headers), linked=True))
        digest = self._hashes.get(path)
        if digest is not None and digest.size == listed.size and digest.md5 == listed.etag:
            return Ready(Proven(kept=_kept(listed, wanted.file, digest.md5, listed.headers)))
        return pool.submit(self._read, wanted)

    def _is_linked(self, path: str, listed: Listed, kept: Kept) -> bool:
        """Return whether a file is the very file of the snapshot before, which was proven when that was made."""
        return (
            self._base is not None
            and unchanged(listed, kept)
            and _same_file(path, f"{self._base.path}/{kept.file}", listed.size)
        )

    def _read(self, wanted: "_Wanted") -> Proven:
        """Hash the copy, and read the object anew if the copy is not what the server lists."""
        listed, path = wanted.listed, self._folder / wanted.file
        if path.is_file() and not path.is_symlink():
            digest = hash_file(path)
            if proves(self._client, self._source, listed, path, digest):
                return Proven(kept=_kept(listed, wanted.file, digest.md5, listed.headers))
        return Proven(kept=self._fetch(wanted, path), fetched=True)

    def _fetch(self, wanted: "_Wanted", path: Path) -> Kept | None:
        """Read one object as it is now; return None if it is gone."""
        try:
            part = self._folder / f"part-{os.getpid()}-{abs(hash(wanted.key))}"
            answer = download(self._client, self._source.bucket, self._source.prefix + wanted.key, part)
            path.parent.mkdir(parents=True, exist_ok=True)
            part.rename(path)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in GONE:
                return None
            raise FailedError(f"cannot read {wanted.key!r}: {reason(error)}") from None
        except BotoCoreError as error:
            raise FailedError(f"cannot read {wanted.key!r}: {reason(error)}") from None
        metadata = {f"x-amz-meta-{name}": text for name, text in answer.get("Metadata", {}).items()}
        now = Listed(
            key=wanted.key,
            size=answer["ContentLength"],
            etag=answer["ETag"].strip('"'),
            modified=answer["LastModified"].isoformat(),
            headers=kept_headers({**answer["ResponseMetadata"]["HTTPHeaders"], **metadata}),
        )
        digest = hash_file(path)
        if not proves(self._client, self._source, now, path, digest):
            raise FailedError(f"{wanted.key!r} differs from what the server lists, after it was read anew")
        return _kept(now, wanted.file, digest.md5, now.headers)

    def _counted(self, results: Iterable[Proven], tally: Tally) -> Iterator[Kept]:
        for proven in results:
            if proven.kept is None:
                tally.vanished += proven.fetched
                continue
            tally.objects += 1
            tally.bytes += proven.kept.size
            tally.linked += proven.linked
            tally.fetched += proven.fetched
            yield proven.kept

    def _compare_folder(self, manifest: Path, tally: Tally) -> None:
        """Compare the files of the copy with the manifest; remove what came and went while mc was copying."""
        if self._count() == (tally.objects, tally.bytes):
            return
        known = {hash(kept.file) for kept in read_kept(manifest)}
        for path, _ in list(self._files()):
            if hash(path) not in known:
                (self._folder / path).unlink()
        if (found := self._count()) != (tally.objects, tally.bytes):
            raise FailedError(
                f"the copy holds {found[0]} files of {found[1]} bytes, "
                f"the bucket {tally.objects} objects of {tally.bytes} bytes"
            )

    def _files(self) -> Iterator[tuple[str, int]]:
        for part in (keys.DATA, keys.BY_HASH):
            if (self._folder / part).is_dir():
                yield from ((f"{part}/{path}", size) for path, size in files_below(self._folder / part))

    def _count(self) -> tuple[int, int]:
        count = size = 0
        for _, length in self._files():
            count += 1
            size += length
        return count, size


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """An object that belongs into the copy, and where."""

    key: str
    listed: Listed
    file: str


def _kept(listed: Listed, file: str, md5: str, headers: Mapping[str, str]) -> Kept:
    return Kept(
        key=listed.key,
        size=listed.size,
        etag=listed.etag,
        modified=listed.modified,
        headers=headers,
        md5=md5,
        file=file,
    )


def _same_file(path: str, other: str, size: int) -> bool:
    """Return whether two paths name one file of a size: then what was proven of one holds for the other."""
    try:
        one, two = os.lstat(path), os.lstat(other)
    except FileNotFoundError:
        return False
    return os.path.samestat(one, two) and one.st_size == size


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
