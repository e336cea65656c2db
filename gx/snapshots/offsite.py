"""The newest snapshot into a bucket outside the cluster, proven there. `python -m gx.snapshots.offsite`.

The key may write, list and read, never delete: copies go when the bucket's own lifecycle says so. Every snapshot is
whole by itself; what the one before has is copied by the server, not sent again.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gx.snapshots import keys, status
from gx.snapshots.config import Environment, Limits, backup_root
from gx.snapshots.copying import in_order
from gx.snapshots.folder import Snapshot, SnapshotFolder, in_use
from gx.snapshots.mirror import alias, mirror
from gx.snapshots.model import (
    MANIFEST,
    METADATA,
    NEWEST,
    STAMP,
    FailedError,
    Kept,
    Metadata,
    lines_of,
    paired,
    read_kept,
)
from gx.snapshots.proving import Comparison, compare
from gx.snapshots.run import finish, say, time_limit, workers
from gx.snapshots.s3 import Place, download, pages, reason
from gx.snapshots.uploading import put_file, upload

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

LONGEST_NAME = 1024  # bytes of a whole object name in S3
WORKERS = 8


def name_of(place: Place, kept: Kept) -> str:
    """Return where an object lies below its snapshot: as in the folder, by hash where the name would be too long."""
    fits = len((place.prefix + kept.file).encode()) <= LONGEST_NAME
    return kept.file if fits else keys.by_hash(kept.key)


def below(place: Place, stamp: str, part: str = "") -> Place:
    """Return the place of one snapshot, or of a part of it."""
    return replace(place, prefix=f"{place.prefix}snapshots/{stamp}/{part}")


@dataclass(frozen=True, kw_only=True)
class OffsiteSnapshot:
    """A complete snapshot in the off-site bucket, with its manifest in a local file."""

    place: Place
    metadata: Metadata
    manifest: Path

    @classmethod
    def open(cls, place: Place, stamp: str, work: Path) -> "OffsiteSnapshot":
        """Read proof and manifest.

        Args:
            place: Bucket and prefix of all snapshots.
            stamp: Its name, or "newest".
            work: Where the manifest is put.

        Raises:
            FailedError: There is no complete snapshot of that name.
        """
        known = [m for _, m in list_snapshots(place) if m is not None and stamp in (NEWEST, m.stamp)]
        if not known:
            raise FailedError(f"{place!r} holds no complete snapshot {stamp}")
        manifest = work / f"offsite-{known[-1].stamp}.jsonl"
        here = below(place, known[-1].stamp)
        try:
            download(here.client(), here.bucket, here.prefix + MANIFEST, manifest)
        except (BotoCoreError, ClientError) as error:
            raise FailedError(f"cannot read the manifest of {known[-1].stamp}: {reason(error)}") from None
        return cls(place=here, metadata=known[-1], manifest=manifest)

    def send(self, target: Place, work: Path, *, stall_seconds: float, overwrite: bool) -> None:
        """Copy every object into a bucket; nothing is proven."""
        aliases = {**alias("offsite", self.place), **alias("target", target)}
        path = f"offsite/{self.place.bucket}/{self.place.prefix}{keys.DATA}/"
        flags = ["--overwrite"] if overwrite else []
        said = mirror(path, f"target/{target.bucket}/", aliases, stall_seconds=stall_seconds, flags=flags)
        say(str(said))
        source, client = self.place.client(), target.client()
        for kept in read_kept(self.manifest):
            name = name_of(self.place, kept)
            if name == f"{keys.DATA}/{kept.key}":
                continue
            part = work / "one"
            try:
                download(source, self.place.bucket, self.place.prefix + name, part)
            except (BotoCoreError, ClientError) as error:
                raise FailedError(f"cannot read {name}: {reason(error)}") from None
            put_file(client, target.bucket, target.prefix + kept.key, part, kept.headers)


def list_snapshots(place: Place) -> list[tuple[str, Metadata | None]]:
    """Return name and proof of every snapshot in the bucket, oldest first; None where the proof is missing or broken.

    Raises:
        FailedError: The bucket cannot be read.
    """
    client = place.client()
    root = f"{place.prefix}snapshots/"
    found: list[tuple[str, Metadata | None]] = []
    try:
        for page in pages(client, place.bucket, root, Delimiter="/"):
            for entry in page.get("CommonPrefixes", []):
                name = entry.get("Prefix", "")[len(root) :].rstrip("/")
                if STAMP.fullmatch(name):
                    found.append((name, _proof(client, place, name)))
    except (BotoCoreError, ClientError) as error:
        raise FailedError(f"cannot list {place!r}: {reason(error)}") from None
    return sorted(found, key=lambda pair: pair[0])


def _proof(client: "S3Client", place: Place, stamp: str) -> Metadata | None:
    here = below(place, stamp)
    try:
        text = client.get_object(Bucket=here.bucket, Key=here.prefix + METADATA)["Body"].read()
        metadata = Metadata.parse(text.decode(errors="replace"))
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchKey":
            return None
        raise
    except FailedError:
        return None
    return metadata if metadata.stamp == stamp else None


def copy(snapshot: Snapshot, place: Place, work: Path, *, stall_seconds: float) -> Comparison:
    """Copy a snapshot into the off-site bucket and prove it there; the proof is written last.

    Raises:
        FailedError: The copy is not what the snapshot is; no proof was written.
    """
    client = place.client()
    here = below(place, snapshot.metadata.stamp)
    earlier = [m.stamp for _, m in list_snapshots(place) if m is not None and m.stamp < snapshot.metadata.stamp]
    rest = work / "rest.jsonl"
    with rest.open("w", encoding="utf-8") as file:
        base = OffsiteSnapshot.open(place, earlier[-1], work) if earlier else None
        copied = _copy_on_server(client, here, snapshot, base, file.write)
    say(f"{copied} objects were copied by the server")
    upload(
        lambda: read_kept(rest),
        snapshot.path,
        here,
        work,
        name_of=lambda kept: name_of(here, kept),
        stall_seconds=stall_seconds,
        overwrite=True,
    )
    result = _prove(snapshot, here)
    result.require_equal(f"the off-site copy of {snapshot.metadata.stamp}")
    put_file(client, here.bucket, here.prefix + MANIFEST, snapshot.manifest, {})
    put_file(client, here.bucket, here.prefix + METADATA, snapshot.path / METADATA, {})
    return result


def _copy_on_server(
    client: "S3Client", here: Place, snapshot: Snapshot, base: OffsiteSnapshot | None, leave: Callable[[str], object]
) -> int:
    """Copy what the snapshot before has without sending it; pass on the rest as lines of a manifest."""

    def try_copy(pair: tuple[Kept, Kept | None]) -> tuple[Kept, bool]:
        kept, before = pair
        if (
            base is None
            or before is None
            or before.md5 != kept.md5
            or before.size != kept.size
            or before.headers != kept.headers
        ):
            return kept, False
        source = {"Bucket": here.bucket, "Key": base.place.prefix + name_of(base.place, before)}
        try:
            client.copy_object(Bucket=here.bucket, Key=here.prefix + name_of(here, kept), CopySource=source)  # type: ignore[arg-type]
        except ClientError:
            return kept, False  # the lifecycle may have removed it: it is sent instead
        return kept, True

    earlier = read_kept(base.manifest) if base else iter(())
    pairs = ((kept, before) for kept, before in paired(read_kept(snapshot.manifest), earlier) if kept is not None)
    count = 0
    with workers(WORKERS) as pool:
        for kept, done in in_order(pool.submit(try_copy, pair) for pair in pairs):
            count += done
            if not done:
                leave(next(lines_of([kept])))
    return count


def _prove(snapshot: Snapshot, here: Place) -> Comparison:
    """Compare a copy with its snapshot; names by hash sort apart from the others."""
    hashed = [k for k in read_kept(snapshot.manifest) if name_of(here, k).startswith(f"{keys.BY_HASH}/")]
    odd = sorted((replace(k, key=name_of(here, k).partition("/")[2]) for k in hashed), key=lambda k: k.key)
    names = {k.key for k in hashed}
    plain = (k for k in read_kept(snapshot.manifest) if k.key not in names)
    result = compare(plain, replace(here, prefix=f"{here.prefix}{keys.DATA}/"))
    others = compare(odd, replace(here, prefix=f"{here.prefix}{keys.BY_HASH}/"))
    return Comparison(
        objects=result.objects + others.objects,
        bytes=result.bytes + others.bytes,
        missing=result.missing + others.missing,
        different=result.different + others.different,
        others=result.others + others.others,
        names=[*result.names, *others.names],
    )


def may_delete(place: Place) -> bool:
    """Return whether the key may delete: then whoever steals it can remove every copy."""
    probe = f"{place.prefix}may-this-key-delete"
    try:
        place.client().delete_object(Bucket=place.bucket, Key=probe)
    except (BotoCoreError, ClientError):
        return False
    return True


def lock_of(place: Place) -> str:
    """Return the bucket's object lock: "COMPLIANCE 30 days", "no default retention", or nothing where it has none."""
    try:
        answer = place.client().get_object_lock_configuration(Bucket=place.bucket)
    except (BotoCoreError, ClientError):
        return ""
    rule = answer.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention", {})
    if not rule:
        return "no default retention"
    length = f"{rule['Days']} days" if "Days" in rule else f"{rule.get('Years')} years"
    return f"{rule.get('Mode')} {length}"


def main() -> None:
    """Copy the newest snapshot as the environment describes it, and say in the status bucket how it went."""
    environment = Environment()
    with status.reported(environment, status.OFFSITE) as said:
        limits = Limits.read(environment)
        place = environment.place("OFFSITE_")
        folder = SnapshotFolder(backup_root(environment))
        with time_limit(limits.seconds), tempfile.TemporaryDirectory(prefix="offsite-") as work:
            taken, lock = _run(folder, place, Path(work), limits)
        said.proven = taken.stamp
        said.more = {"objects": taken.objects, "bytes": taken.bytes, "lock": lock}


def _run(folder: SnapshotFolder, place: Place, work: Path, limits: Limits) -> tuple[Metadata, str]:
    snapshots, _ = folder.scan()
    if not snapshots:
        raise FailedError(f"there is no complete snapshot in {folder.path}")
    newest, lock = snapshots[-1], lock_of(place)
    if may_delete(place):
        say("warning: this key may delete: whoever steals it can remove every copy")
    if lock == "no default retention":
        say("warning: the bucket has object lock without a default retention: its copies are not locked")
    here = below(place, newest.metadata.stamp)
    with in_use(newest):
        newest.metadata.require(newest.manifest)
        there = dict(list_snapshots(place)).get(newest.metadata.stamp)
        if there is None:
            done = copy(newest, place, work, stall_seconds=limits.stall_seconds)
            say(f"complete: {here!r}, {done.objects} objects, {done.bytes} bytes")
        elif there != newest.metadata:
            raise FailedError(f"{here!r} holds another snapshot of this name, of {there.network}: nothing was copied")
        else:  # said again only because it is found again
            _prove(newest, here).require_equal(f"the off-site copy of {there.stamp}")
            say(f"complete already: {here!r}")
    return newest.metadata, lock


if __name__ == "__main__":
    sys.exit(finish("off-site copy", main))
