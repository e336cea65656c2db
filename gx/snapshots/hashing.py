"""MD5 of files while others are still being copied, kept on disk so that memory stays flat."""

import hashlib
import os
import sqlite3
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

CHUNK = 1 << 18  # bytes
WORKERS = 2
AHEAD = 1000  # files that may wait for a worker
PAUSE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Digest:
    """Size and MD5 of some bytes."""

    size: int
    md5: str


def hash_file(path: str | Path) -> Digest:
    """Return size and MD5 of a file, and let the system write it out: it is not read again soon."""
    md5, size = hashlib.md5(usedforsecurity=False), 0
    buffer = memoryview(bytearray(CHUNK))
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 called once per object
        while count := file.readinto(buffer):
            md5.update(buffer[:count])
            size += count
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return Digest(size, md5.hexdigest())


class HashStore:
    """Digest files as they are announced, in the background; their MD5 can be asked for afterwards.

    mc announces a file when it begins to copy it, and gives it its name when it is whole: until then it waits here.
    """

    def __init__(self, work: Path) -> None:
        self._database = sqlite3.connect(work / "hashes.sqlite", check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE hashed (path TEXT PRIMARY KEY, size INT, md5 TEXT)")
        self._database.execute("BEGIN")
        self._lock = threading.Lock()
        self._announced: deque[str] = deque()
        self._complete = threading.Event()
        self._workers = [threading.Thread(target=self._work, daemon=True) for _ in range(WORKERS)]
        for worker in self._workers:
            worker.start()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the workers and forget everything."""
        self._announced.clear()
        self.settle()
        self._database.close()

    def add(self, path: str) -> None:
        """Hash a file as soon as it is there; wait while too many are ahead of it."""
        while len(self._announced) >= AHEAD:
            time.sleep(PAUSE_SECONDS)
        self._announced.append(path)

    def settle(self) -> None:
        """Wait until every announced file that is there is hashed; nothing is announced any more."""
        self._complete.set()
        for worker in self._workers:
            worker.join()

    def get(self, path: str) -> Digest | None:
        """Return what was found of a file, or None if it was not hashed."""
        with self._lock:
            row = self._database.execute("SELECT size, md5 FROM hashed WHERE path = ?", (path,)).fetchone()
        return Digest(*row) if row else None

    def _work(self) -> None:
        while True:
            last = self._complete.is_set()
            try:
                path = self._announced.popleft()
            except IndexError:
                if last:
                    return
                time.sleep(PAUSE_SECONDS)
                continue
            try:
                self._store(path, hash_file(path))
            except FileNotFoundError:
                if not last:
                    self._announced.append(path)
                    time.sleep(PAUSE_SECONDS)
            except (OSError, sqlite3.Error):
                continue  # whoever asks for it finds nothing and reads the object anew

    def _store(self, path: str, found: Digest) -> None:
        with self._lock:
            row = (path, found.size, found.md5)
            self._database.execute("INSERT OR REPLACE INTO hashed VALUES (?, ?, ?)", row)
