"""The one folder that holds everything of a local cluster: data, keys, state, logs."""

import contextlib
import fcntl
import json
import re
import shutil
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import psutil

from common.errors import InputError

FORMAT = "2 etcd-3.6 kubernetes-1.33"
"""Written into the folder; a folder with another text was made by another version and is not read."""


PODS = "pods"
CONTEXT = "context-"
"""Folders of further clusters below the one of the usual cluster."""


@dataclass(frozen=True)
class DataFolder:
    """Paths inside the folder.

    Attributes:
        path: The folder.
        pods: Whether its cluster has a node with real pods.
    """

    path: Path
    pods: bool = False

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.path / "pki"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.path / "logs"

    @property
    def kubeconfig(self) -> Path:
        """For the person, kubectl and the engine."""
        return self.path / "kubeconfig"

    @property
    def docker(self) -> str:
        """The tool whose cluster in Docker takes the place of a node of this machine's own; empty for none."""
        file = self.path / "docker"
        return file.read_text(encoding="utf-8").strip() if file.exists() else ""

    def in_docker(self, tool: str) -> None:
        """Note whose cluster it is."""
        (self.path / "docker").write_text(f"{tool}\n", encoding="utf-8")

    @property
    def node(self) -> Path:
        """Files and data of the node with real pods."""
        return self.path / "node"

    @property
    def volumes(self) -> Path:
        """What pods keep: one folder per volume."""
        return self.path / "volumes"

    @property
    def zone(self) -> Path:
        """Records of the fake for the DNS zone."""
        return self.path / "zone.json"

    @property
    def running(self) -> Path:
        """What runs: process of the supervisor and ports."""
        return self.path / "running.json"

    @property
    def complete(self) -> Path:
        """Exists once the control plane has answered for the first time."""
        return self.path / "complete"

    def forget_half_made(self) -> None:
        """Remove what a first start left that never came to its end: etcd cannot go on from it."""
        if not self.complete.exists():
            shutil.rmtree(self.path / "etcd", ignore_errors=True)

    def stack(self, stack: str) -> Path:
        """Return the folder of one stack's copy of the project."""
        return self.path / "stacks" / stack

    @property
    def is_ours(self) -> bool:
        """Whether some version of the command made the folder."""
        return (self.path / "version").is_file()

    def own(self) -> list[Path]:
        """Return what is in the folder and belongs to this cluster: others lie below it in folders of their own."""
        there = self.path.iterdir() if self.path.is_dir() else ()
        return [path for path in there if path.name != PODS and not path.name.startswith(CONTEXT)]

    def check_version(self) -> None:
        """Refuse a folder that another version made.

        Raises:
            InputError: It is another version's, or holds something else.
        """
        marker = self.path / "version"
        if not self.path.exists():
            return
        if not self.path.is_dir() or (not marker.exists() and any(p.name != "lock" for p in self.own())):
            raise InputError(
                file=str(self.path),
                consequence="is no data folder of a local cluster, nothing was changed",
                fix="name another folder with --data, or move this one away",
            )
        found = marker.read_text(encoding="utf-8").strip() if marker.exists() else FORMAT
        if found != FORMAT:
            raise InputError(
                file=str(marker),
                value=repr(found),
                consequence=f"the cluster was made by another version (this one writes {FORMAT!r})",
                fix="gx local down --delete, then `gx local up` again",
            )

    def create(self) -> None:
        """Make the folder, readable for its owner alone."""
        self.path.mkdir(parents=True, mode=0o700, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        (self.path / "version").write_text(f"{FORMAT}\n", encoding="utf-8")

    @contextlib.contextmanager
    def lock(self) -> Generator[None]:
        """Hold the folder for one command.

        Raises:
            InputError: Another command holds it; nothing was changed.
        """
        self.path.mkdir(parents=True, mode=0o700, exist_ok=True)
        with (self.path / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise InputError(
                    file=str(self.path),
                    consequence=f"another command works on this cluster ({lock.read().strip() or 'unknown process'})",
                    fix="wait until it has ended, or end it",
                ) from None
            lock.truncate(0)
            lock.write(f"process {psutil.Process().pid}\n")
            lock.flush()
            yield

    def supervisor(self) -> psutil.Process | None:
        """Return the running supervisor, or None; a process id that was given to another process does not count."""
        try:
            entry = json.loads(self.running.read_text(encoding="utf-8"))
            process = psutil.Process(int(entry["pid"]))
            if abs(process.create_time() - float(entry["started"])) < 1 and process.status() != psutil.STATUS_ZOMBIE:
                return process
        except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
            pass
        return None

    def ports(self) -> dict[str, int]:
        """Return the ports by server, of this run or of the last one."""
        try:
            entry = json.loads(self.running.read_text(encoding="utf-8"))
            return {str(name): int(port) for name, port in entry["ports"].items()}
        except (OSError, ValueError, KeyError):
            return {}

    def remove(self) -> None:
        """Delete everything of this cluster, and the folder itself if no other cluster lies below it."""
        for path in self.own():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        if not any(self.path.iterdir()):
            self.path.rmdir()


def folder_of(data: Path, context: str, *, pods: bool = False) -> DataFolder:
    """Return the data folder: one of its own for each cluster, so that two states never meet."""
    if pods:
        return DataFolder(data / PODS, pods=True)
    return DataFolder(data / f"{CONTEXT}{re.sub(r'[^A-Za-z0-9.-]', '_', context)}" if context else data)


def clusters_below(data: Path, context: str) -> list[DataFolder]:
    """Return the clusters that `status` and `down` are about: that with real pods, and the usual one if it has data.

    The folder of a cluster that was never made is returned where there is no other, so that a user is told of it.
    """
    usual, pods = folder_of(data, context), folder_of(data, "", pods=True)
    if context or not pods.path.exists():
        return [usual]
    return [pods, usual] if any(path.name != "lock" for path in usual.own()) else [pods]
