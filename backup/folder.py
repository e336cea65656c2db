"""The folder of snapshots on the backup's volume: one run at a time, complete snapshots only, nothing outside it."""

import errno
import fcntl
import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from backup.snapshot import MANIFEST, METADATA, STAMP, FailedError, Metadata, moment_of

PARTIAL = ".partial-"
REMOVING = ".removing-"
LOCK = ".lock"


@dataclass(frozen=True)
class Snapshot:
    """One complete snapshot: its folder and its proof."""

    path: Path
    metadata: Metadata

    @property
    def manifest(self) -> Path:
        """The list of its objects."""
        return self.path / MANIFEST


def read_snapshot(path: Path) -> Snapshot:
    """Return the snapshot that a folder holds.

    Raises:
        FailedError: It is none: the proof is missing, broken, or of another snapshot or manifest.
    """
    try:
        metadata = Metadata.parse((path / METADATA).read_text(encoding="utf-8", errors="replace"))
        size = (path / MANIFEST).stat().st_size
    except OSError as error:
        raise FailedError(f"{path.name}: {error.strerror} ({Path(error.filename).name})") from None
    if metadata.stamp != path.name or metadata.manifest_bytes != size:
        raise FailedError(f"{path.name}: {METADATA} belongs to another snapshot or manifest")
    return Snapshot(path, metadata)


class SnapshotFolder:
    """`snapshots` below the root of the volume. What lies beside it, copies of older scripts, is never touched."""

    def __init__(self, root: Path) -> None:
        self.path = root / "snapshots"
        if self.path.is_symlink():
            raise FailedError(f"{self.path} is a link: what would be removed may lie anywhere")

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the folder for one run. The system lets go of it when the process ends, however it ends.

        Raises:
            FailedError: Another run holds it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise FailedError(f"cannot write to {self.path}: {error.strerror}") from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FailedError(f"another run holds {self.path / LOCK}; nothing was copied") from None
            yield
        finally:
            os.close(handle)

    def clean_up(self) -> list[str]:
        """Remove what a killed run left behind; return the names."""
        left = [entry.name for entry in os.scandir(self.path) if entry.name.startswith((PARTIAL, REMOVING))]
        for name in left:
            remove_tree(self.path / name)
        return sorted(left)

    def start(self, stamp: str) -> Path:
        """Return a new folder for a snapshot that is being made."""
        if (self.path / stamp).exists():
            raise FailedError(f"{self.path / stamp} exists already; nothing was copied")
        partial = self.path / f"{PARTIAL}{stamp}"
        partial.mkdir(mode=0o700)
        return partial

    def drop(self, partial: Path) -> None:
        """Remove what was begun; under another name first, so that nothing more is written into it."""
        doomed = self.path / f"{REMOVING}{partial.name.removeprefix(PARTIAL)}"
        partial.rename(doomed)
        remove_tree(doomed)

    def finish(self, partial: Path, metadata: Metadata) -> Snapshot:
        """Turn a proven copy into a snapshot: first everything reaches the disk, then the proof, then its name."""
        sync(partial)
        draft = partial / f"{METADATA}.draft"
        with draft.open("w", encoding="utf-8") as file:
            file.write(metadata.text())
            file.flush()
            os.fsync(file.fileno())
        draft.rename(partial / METADATA)
        final = self.path / metadata.stamp
        partial.rename(final)
        sync(self.path)
        return Snapshot(final, metadata)

    def scan(self) -> tuple[list[Snapshot], list[str]]:
        """Return the complete snapshots, oldest first, and one line for each folder that looks like one and is none."""
        found: list[Snapshot] = []
        broken: list[str] = []
        if not self.path.is_dir():
            return found, broken
        names = sorted(e.name for e in os.scandir(self.path) if STAMP.fullmatch(e.name))
        for name in names:
            path = self.path / name
            if path.is_symlink() or not path.is_dir():
                broken.append(f"{name}: is no folder")
                continue
            try:
                found.append(read_snapshot(path))
            except FailedError as error:
                broken.append(str(error))
        return found, broken

    def retire(self, snapshots: list[Snapshot], *, days: int, least: int, now: datetime) -> list[str]:
        """Remove complete snapshots that are older than a number of days; the newest ones stay; return the names.

        The age comes from the name: copying changes the time of a folder. One that a restore reads just now stays.
        """
        removed: list[str] = []
        for snapshot in sorted(snapshots, key=lambda s: s.metadata.stamp)[: -max(least, 1)]:
            if now - moment_of(snapshot.metadata.stamp) <= timedelta(days=days):
                continue
            with _exclusive(snapshot.path / METADATA) as free:
                if not free:
                    continue
                doomed = self.path / f"{REMOVING}{snapshot.path.name}"
                snapshot.path.rename(doomed)
            remove_tree(doomed)
            removed.append(snapshot.path.name)
        return removed


@contextmanager
def in_use(snapshot: Snapshot) -> Generator[None]:
    """Keep a snapshot from being retired while it is read."""
    with (snapshot.path / METADATA).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def _exclusive(path: Path) -> Generator[bool]:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def remove_tree(path: Path) -> None:
    """Remove a folder of ours, links in it as links.

    Raises:
        FailedError: Something in it cannot be removed.
    """
    try:
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        else:
            shutil.rmtree(path)
    except OSError as error:
        raise FailedError(f"cannot remove {path}: {error.strerror}") from None


def sync(path: Path) -> None:
    """Wait until everything below a path is on the disk."""
    os.sync()
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def free_bytes(path: Path) -> int:
    """Return the bytes that may still be written where a path lies."""
    usage = os.statvfs(path)
    return usage.f_bavail * usage.f_frsize


def disk_error(error: OSError) -> FailedError:
    """Return what a failed write means."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return FailedError(f"the volume is full: {error.strerror} ({error.filename})")
    if error.filename is None:
        return FailedError(str(error))
    return FailedError(f"cannot read or write {error.filename}: {error.strerror}")


def files_below(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the relative path and size of every file below a folder, in no order; links are not followed."""
    pending, above = [str(path)], len(str(path)) + 1
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    yield entry.path[above:], entry.stat(follow_symlinks=False).st_size
