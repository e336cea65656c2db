"""The newest snapshot into a bucket outside the cluster, proven there. `python -m backup.offsite`.

The key may write, list and read, never delete: copies go when the bucket's own lifecycle says so. Every snapshot is
complete by itself; what the one before has is copied by the server, not sent again. Objects lie there by their number
in the manifest, so that their names are told to nobody who cannot read the manifest.
"""

import hashlib
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from backup import keys, status
from backup.config import Limits, RunEnvironment, backup_root
from backup.copying import WORKERS, in_order
from backup.folder import Snapshot, SnapshotFolder, in_use
from backup.reading import Reader
from backup.run import finish, say, time_limit, workers
from backup.s3 import BucketLocation, Digest, hash_file, list_objects, pages, reason
from backup.seal import Seal
from backup.snapshot import (
    MANIFEST,
    METADATA,
    NEWEST,
    STAMP,
    FailedError,
    Kept,
    Metadata,
    lines_of,
    manifest_digest,
    paired,
    read_kept,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CopySourceTypeDef

LONGEST_NAME = 1024  # bytes of a whole object name in S3
OBJECTS = "objects"
SEALED = ".age"


def below(location: BucketLocation, stamp: str) -> BucketLocation:
    """Return the place of one snapshot."""
    return replace(location, prefix=f"{location.prefix}snapshots/{stamp}/")


@dataclass(frozen=True, kw_only=True)
class OffsiteSnapshot:
    """A complete snapshot in the off-site bucket, with its manifest in a local file."""

    reader: Reader
    location: BucketLocation
    metadata: Metadata
    manifest: Path
    seal: Seal

    @classmethod
    def open(cls, location: BucketLocation, stamp: str, work: Path, seal: Seal) -> "OffsiteSnapshot":
        """Read proof and manifest.

        Args:
            location: Bucket and prefix of all snapshots.
            stamp: Its name, or "newest".
            work: Where the manifest is put.
            seal: What the snapshot was sealed with, if it was sealed.

        Raises:
            FailedError: There is no complete snapshot of that name.
        """
        known = [m for _, m in list_snapshots(location) if m is not None and stamp in (NEWEST, m.stamp)]
        if not known:
            raise FailedError(f"{location!r} holds no complete snapshot {stamp}")
        metadata = known[-1]
        here = below(location, metadata.stamp)
        reader = Reader(here)
        if metadata.sealed and not seal.closes:
            raise FailedError(f"{here!r} is encrypted, and this network has no identity to decrypt it")
        seal = seal if metadata.sealed else Seal()
        name = MANIFEST + (SEALED if metadata.sealed else "")
        stored = work / f"offsite-{metadata.stamp}.stored"
        try:
            reader.download(here.prefix + name, stored)
        except (BotoCoreError, ClientError) as error:
            raise FailedError(f"cannot read the manifest of {metadata.stamp}: {reason(error)}") from None
        manifest = seal.open(stored, work / f"offsite-{metadata.stamp}.jsonl")
        return cls(reader=reader, location=here, metadata=metadata, manifest=manifest, seal=seal)

    def stored(self, kept: Kept) -> str:
        """Return the whole name of an object in the bucket."""
        name = self.location.prefix + kept.file
        return name if len(name.encode()) <= LONGEST_NAME else self.location.prefix + keys.by_hash(kept.key)

    def content(self, kept: Kept, part: Path) -> Path:
        """Read an object into a file and return that.

        Raises:
            FailedError: It cannot be decrypted.
            BotoCoreError, ClientError: It cannot be read.
        """
        stored = part.with_suffix(".stored")
        try:
            self.reader.download(self.stored(kept), stored)
            return self.seal.open(stored, part) if self.seal.closes else stored.rename(part)
        finally:
            stored.unlink(missing_ok=True)

    def prove(self) -> None:
        """Compare the bucket with the manifest: every object is there as it was stored.

        Raises:
            FailedError: One is missing or another one.
        """
        names = replace(self.location, prefix=f"{self.location.prefix}{OBJECTS}/")
        wanted = (replace(kept, key=kept.file.partition("/")[2]) for kept in read_kept(self.manifest))
        wrong = [
            one.key
            for one, other in paired(wanted, list_objects(self.reader.client, names.bucket, names.prefix))
            if one is not None and (other is None or one.etag != other.etag)
        ]
        if wrong:
            stamp = self.metadata.stamp
            raise FailedError(f"the off-site copy of {stamp}: {len(wrong)} objects are missing or differ: {wrong[:3]}")


def list_snapshots(location: BucketLocation) -> list[tuple[str, Metadata | None]]:
    """Return name and proof of every snapshot in the bucket, oldest first; None where the proof is missing or broken.

    Raises:
        FailedError: The bucket cannot be read.
    """
    client = location.client()
    root = f"{location.prefix}snapshots/"
    found: list[tuple[str, Metadata | None]] = []
    try:
        for page in pages(client, location.bucket, root, Delimiter="/"):
            for entry in page.get("CommonPrefixes", []):
                name = entry.get("Prefix", "")[len(root) :].rstrip("/")
                if STAMP.fullmatch(name):
                    found.append((name, _proof(client, location, name)))
    except (BotoCoreError, ClientError) as error:
        raise FailedError(f"cannot list {location!r}: {reason(error)}") from None
    return sorted(found, key=lambda pair: pair[0])


def _proof(client: "S3Client", location: BucketLocation, stamp: str) -> Metadata | None:
    here = below(location, stamp)
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


class Copy:
    """A copy of one snapshot into the off-site bucket; its proof is written last.

    Args:
        snapshot: The snapshot.
        location: Bucket and prefix of all snapshots.
        work: A folder for what is on its way.
        seal: What it is sealed with.
    """

    def __init__(self, snapshot: Snapshot, location: BucketLocation, work: Path, seal: Seal) -> None:
        self._snapshot = snapshot
        self._here = below(location, snapshot.metadata.stamp)
        self._client = location.client()
        self._work = work
        self._seal = seal
        earlier = [m for _, m in list_snapshots(location) if m is not None and m.stamp < snapshot.metadata.stamp]
        usable = earlier and earlier[-1].sealed == seal.closes
        self._base = OffsiteSnapshot.open(location, earlier[-1].stamp, work, seal) if usable else None

    def make(self) -> OffsiteSnapshot:
        """Copy every object, prove the copy, then write manifest and proof.

        Raises:
            FailedError: The copy is not what the snapshot is; no proof was written.
        """
        sealed = self._seal.closes
        manifest = self._work / MANIFEST
        with workers(WORKERS) as pool, manifest.open("w", encoding="utf-8") as file:
            earlier = read_kept(self._base.manifest) if self._base else iter(())
            pairs = ((k, b) for k, b in paired(read_kept(self._snapshot.manifest), earlier) if k is not None)
            results = in_order(pool.submit(self._one, number, *pair) for number, pair in enumerate(pairs))
            file.writelines(lines_of(self._counted(results)))
        taken = self._snapshot.metadata
        metadata = replace(
            taken,
            sealed=sealed,
            copy_of=taken.manifest_sha256,
            manifest_sha256=manifest_digest(manifest),
            manifest_bytes=manifest.stat().st_size,
            left_out_names=() if sealed else taken.left_out_names,
        )
        made = OffsiteSnapshot(
            reader=Reader(self._here), location=self._here, metadata=metadata, manifest=manifest, seal=self._seal
        )
        made.prove()
        name = MANIFEST + (SEALED if sealed else "")
        try:
            self._put(self._here.prefix + name, self._seal.close(manifest, self._work / name))
            proof = self._work / METADATA
            proof.write_text(metadata.text(), encoding="utf-8")
            self._put(self._here.prefix + METADATA, proof)
        except (BotoCoreError, ClientError) as error:
            raise FailedError(f"cannot write to {self._here!r}: {reason(error)}") from None
        return made

    def _counted(self, results: Iterator[tuple[Kept, bool]]) -> Iterator[Kept]:
        copied = 0
        for kept, by_server in results:
            copied += by_server
            yield kept
        say(f"{copied} objects were copied by the server")

    def _one(self, number: int, kept: Kept, before: Kept | None) -> tuple[Kept, bool]:
        """Store one object; return it as it is stored, and whether the server copied it."""
        name = f"{OBJECTS}/{number:010}"
        if self._base and before and (before.md5, before.size) == (kept.md5, kept.size):
            source: CopySourceTypeDef = {"Bucket": self._here.bucket, "Key": self._base.stored(before)}
            try:
                answer = self._client.copy_object(
                    Bucket=self._here.bucket, Key=self._here.prefix + name, CopySource=source
                )
                etag = answer["CopyObjectResult"].get("ETag", "").strip('"')
            except ClientError:
                pass  # the lifecycle may have removed it: it is sent instead
            else:
                if etag == before.etag:
                    return replace(kept, file=name, etag=etag), True
        path, part = self._snapshot.path / kept.file, self._work / f"part-{number}"
        if hash_file(path) != Digest(kept.size, kept.md5):
            raise FailedError(f"the snapshot's file of {kept.key!r} is damaged; nothing is said to be copied")
        try:
            stored = self._seal.close(path, part)
            return replace(kept, file=name, etag=self._put(self._here.prefix + name, stored)), False
        except (BotoCoreError, ClientError) as error:
            raise FailedError(f"cannot write {kept.key!r} to {self._here!r}: {reason(error)}") from None
        finally:
            part.unlink(missing_ok=True)

    def _put(self, key: str, path: Path) -> str:
        """Write a file, compared by the server as it comes; return its ETag."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
            file.seek(0)
            checked = b64encode(digest).decode()
            answer = self._client.put_object(Bucket=self._here.bucket, Key=key, Body=file, ContentMD5=checked)
        return answer["ETag"].strip('"')


def may_delete(location: BucketLocation) -> bool:
    """Return whether the key may delete: then whoever steals it can remove every copy."""
    probe = f"{location.prefix}may-this-key-delete"
    try:
        location.client().delete_object(Bucket=location.bucket, Key=probe)
    except (BotoCoreError, ClientError):
        return False
    return True


def lock_of(location: BucketLocation) -> str:
    """Return the bucket's object lock: "COMPLIANCE 30 days", "no default retention", or nothing where it has none."""
    try:
        answer = location.client().get_object_lock_configuration(Bucket=location.bucket)
    except (BotoCoreError, ClientError):
        return ""
    rule = answer.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention", {})
    if not rule:
        return "no default retention"
    length = f"{rule['Days']} days" if "Days" in rule else f"{rule.get('Years')} years"
    return f"{rule.get('Mode')} {length}"


def keeps_versions(location: BucketLocation) -> bool:
    """Return whether what is overwritten can be had back."""
    try:
        return location.client().get_bucket_versioning(Bucket=location.bucket).get("Status") == "Enabled"
    except (BotoCoreError, ClientError):
        return False


def main() -> None:
    """Copy the newest snapshot as the environment describes it, and say in the status bucket how it went."""
    environment = RunEnvironment()
    with status.reported(environment, status.OFFSITE) as said:
        limits = Limits.read(environment)
        location, seal = environment.location("OFFSITE_"), Seal.read(environment)
        folder = SnapshotFolder(backup_root(environment))
        with time_limit(limits.seconds), tempfile.TemporaryDirectory(prefix="offsite-") as work:
            taken, lock = _run(folder, location, Path(work), seal)
        said.proven = taken.stamp
        said.more = {
            "objects": taken.objects,
            "bytes": taken.bytes,
            "lock": lock,
            "encrypted": seal.closes,
        }


def _run(folder: SnapshotFolder, location: BucketLocation, work: Path, seal: Seal) -> tuple[Metadata, str]:
    snapshots, _ = folder.scan()
    if not snapshots:
        raise FailedError(f"there is no complete snapshot in {folder.path}")
    newest, lock = snapshots[-1], lock_of(location)
    for line in _warnings(location, lock, seal):
        say(f"warning: {line}")
    here = below(location, newest.metadata.stamp)
    with in_use(newest):
        newest.metadata.require(newest.manifest)
        there = dict(list_snapshots(location)).get(newest.metadata.stamp)
        own = (newest.metadata.network, newest.metadata.manifest_sha256)
        if there is not None and (there.network, there.copy_of or there.manifest_sha256) != own:
            raise FailedError(f"{here!r} holds another snapshot of this name, of {there.network}: nothing was copied")
        if there is None or not there.copy_of:  # the first edition's copy lies there under open names
            made = Copy(newest, location, work, seal).make().metadata
            say(f"complete: {here!r}, {made.objects} objects, {made.bytes} bytes")
        else:  # said again only because it is found again
            OffsiteSnapshot.open(location, there.stamp, work, seal).prove()
            say(f"complete already: {here!r}")
    return newest.metadata, lock


def _warnings(location: BucketLocation, lock: str, seal: Seal) -> Iterator[str]:
    if may_delete(location):
        yield "this key may delete: whoever steals it can remove every copy"
    if lock == "no default retention":
        yield "the bucket has object lock without a default retention: its copies are not locked"
    elif not lock and not keeps_versions(location):
        yield (
            "the bucket has neither object lock nor versions, or this key may not ask: whoever steals the key can"
            " overwrite every copy, for good"
        )
    if not seal.closes:
        yield "the copies are not encrypted: whoever can read the bucket can read every message"


if __name__ == "__main__":
    sys.exit(finish("off-site copy", main))
