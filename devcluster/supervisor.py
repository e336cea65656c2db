"""Keeps the processes of a local cluster: all of them run, or none.

`gx local up` starts it and holds a pipe to its standard input. Until the word "keep" comes through that pipe, its end
(Ctrl-C, kill -9 of the command) stops everything. The processes themselves die with the supervisor: the kernel
is told so when they start.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import psutil

from common.errors import InputError
from common.known_secrets import guard_errors
from devcluster.control_plane import (
    Daemon,
    free_ports,
    last_words,
    names,
    parts,
    server_alone,
    write_kubeconfigs,
)
from devcluster.folder import DataFolder
from devcluster.node.config import write_files
from settings.pages import explained
from settings.project import ROOT

KEEP = "keep"
READY_SECONDS = 120
STORE = "etcd"
STORE_SECONDS, PART_SECONDS = 15, 8
"""How long the store may take to end, and everything that writes to it."""
_PR_SET_PDEATHSIG = 1
_FORWARDED = ("PATH", "HOME", "LANG", "TMPDIR")


def _die_with_parent() -> None:
    """Ask the kernel to kill this process with its parent; elsewhere than on Linux only a clean end is clean."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Stopped(Exception):  # noqa: N818 not an error: somebody asked for it
    """The supervisor was asked to stop."""


class Supervisor:
    """Starts the parts, reports to the command that waits, and stops them in reverse order."""

    def __init__(self, folder: DataFolder, *, zone_only: bool = False, alone: bool = False) -> None:
        self.folder = folder
        self.zone_only = zone_only
        self.alone = alone
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.waiting = True

    def run(self) -> None:
        """Run until asked to stop, or until a part ends by itself."""
        ports = free_ports(self.folder.ports())
        if not self.zone_only:
            self.folder.forget_half_made()
            write_kubeconfigs(self.folder, ports["kube-apiserver"])
        if self.folder.pods and not self.zone_only:
            write_files(self.folder.node, self.folder.pki)
        self._record(ports)
        try:
            for part in self._parts(ports):
                self._report(step=part.name)
                self._start(part)
                self._wait_until_ready(part)
            self.folder.complete.touch()
            self._report(ports=ports)
            while True:
                self._look(0.5)
        except Stopped:
            pass
        finally:
            self.stop()

    def _parts(self, ports: dict[str, int]) -> list[Daemon]:
        if self.alone:
            return server_alone(self.folder, ports)
        control_plane = [] if self.zone_only else parts(self.folder, ports)
        dns = [names(self.folder, ports["dns"])] if self.folder.pods and self.zone_only else []
        return [*control_plane, zone_part(self.folder, ports), *dns]

    def _record(self, ports: dict[str, int]) -> None:
        entry = {"pid": os.getpid(), "started": psutil.Process().create_time(), "ports": ports}
        part = self.folder.running.with_suffix(".part")
        part.write_text(json.dumps(entry), encoding="utf-8")
        part.replace(self.folder.running)

    def _report(self, **message: object) -> None:
        """Tell the waiting command; if it is gone the pipe's end will say so."""
        if self.waiting:
            with contextlib.suppress(OSError):
                os.write(1, (json.dumps(message) + "\n").encode())

    def _start(self, part: Daemon) -> None:
        log = self.folder.logs / f"{part.name}.log"
        environment = {key: os.environ[key] for key in _FORWARDED if key in os.environ}
        with log.open("wb") as out:
            self.children[part.name] = subprocess.Popen(  # noqa: S603 the pinned programs
                part.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=environment,
                cwd=self.folder.path,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 this process has one thread
            )

    def _wait_until_ready(self, part: Daemon) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while part.ready is not None and not part.ready():
            if time.monotonic() > deadline:
                raise _ended(self.folder, part.name, f"did not answer within {READY_SECONDS} s")
            self._look(0.1)

    def _look(self, seconds: float) -> None:
        """Sleep, and notice what happened: a part that ended, a command that let go or died."""
        for name, child in self.children.items():
            if child.poll() is not None:
                raise _ended(self.folder, name, f"ended with {child.returncode}")
        if not self.waiting:
            time.sleep(seconds)
        elif select.select([0], [], [], seconds)[0]:
            word = os.read(0, 100).decode().strip()
            if word != KEEP:
                raise Stopped
            self.waiting = False
            quiet = os.open(os.devnull, os.O_RDWR)
            os.dup2(quiet, 0)
            os.dup2(quiet, 1)

    def stop(self) -> None:
        """End every part, the store last; what does not end in time is killed."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        store = {name: child for name, child in self.children.items() if name == STORE}
        rest = {name: child for name, child in self.children.items() if name != STORE}
        for group, seconds in ((rest, PART_SECONDS), (store, STORE_SECONDS)):
            for child in group.values():
                _terminate(child)
            deadline = time.monotonic() + seconds
            for child in group.values():
                try:
                    child.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()


def _terminate(child: "subprocess.Popen[bytes]") -> None:
    """Ask a part to end; `unshare`, the parent of a node's first process, does not pass that on."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for inner in psutil.Process(child.pid).children():
            inner.terminate()
    child.terminate()


def _ended(folder: DataFolder, name: str, what: str) -> InputError:
    log = folder.logs / f"{name}.log"
    return InputError(
        file=str(log),
        consequence=f"{name} {what}, the cluster was stopped: {last_words(log)}",
        fix="correct what the line names and run `gx local up` again",
    )


def zone_part(folder: DataFolder, ports: dict[str, int]) -> Daemon:
    """Return the process of the fake for the DNS zone."""
    script = ROOT / "tools" / "plugins" / "zone_api.py"
    return Daemon("zone", (sys.executable, str(script), "--port", str(ports["zone"]), "--file", str(folder.zone)))


def main() -> None:
    """Run the supervisor of the data folder that the first argument names."""
    guard_errors()
    folder = DataFolder(Path(sys.argv[1]), pods="--pods" in sys.argv)
    supervisor = Supervisor(folder, zone_only="--zone-only" in sys.argv, alone="--alone" in sys.argv)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise Stopped

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which then closes the pipe
    try:
        supervisor.run()
    except InputError as error:
        message = json.dumps({"error": explained(error)})
        if supervisor.waiting:
            with contextlib.suppress(OSError):
                os.write(1, f"{message}\n".encode())
        else:
            sys.stderr.write(f"{message}\n")
        sys.exit(2)
    except Stopped:
        pass


if __name__ == "__main__":
    main()
