"""Starts and stops the supervisor of a local cluster."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Generator

import psutil

from common.errors import InputError, ShownError
from devcluster.folder import DataFolder
from devcluster.supervisor import KEEP

STOP_SECONDS = 60


@contextlib.contextmanager
def running(
    folder: DataFolder, *, zone_only: bool, report: Callable[[str], None], alone: bool = False
) -> Generator[bool]:
    """Have the cluster's processes run inside the block, and after it if nothing went wrong.

    Yields whether they were started by this call; if so, an exception inside the block stops them again.
    `alone` starts the API server with its store and nothing else.

    Raises:
        InputError: They could not be started; the line says which, and what it wrote last.
    """
    if folder.supervisor() is not None:
        yield False
        return
    options = [*["--zone-only"] * zone_only, *["--pods"] * folder.pods, *["--alone"] * alone]
    command = [sys.executable, "-m", "devcluster.supervisor", str(folder.path), *options]
    with (folder.logs / "supervisor.log").open("wb") as log:
        child = subprocess.Popen(  # noqa: S603 our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True, text=True
        )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        for line in child.stdout:
            message = json.loads(line)
            if "error" in message:
                raise ShownError(message["error"])
            if "ports" in message:
                break
            report(f"starting {message['step']}")
        else:
            complaint = (folder.logs / "supervisor.log").read_text(errors="replace").strip().splitlines()
            raise ShownError(f"gx local: the supervisor ended at once: {complaint[-1] if complaint else 'no message'}")
        yield True
        child.stdin.write(f"{KEEP}\n")
        child.stdin.flush()
        child.returncode = 0  # on its own from here: nobody in this process waits for its end
    finally:
        # Without the word the pipe's end stops everything; then wait, so that nothing is left when we say so.
        with contextlib.suppress(OSError):
            child.stdin.close()
        child.stdout.close()
        if child.returncode is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(STOP_SECONDS)


def stop(folder: DataFolder) -> bool:
    """Stop the cluster's processes; return False if none ran.

    Raises:
        InputError: They did not end.
    """
    supervisor = folder.supervisor()
    if supervisor is None:
        return False
    children = supervisor.children(recursive=True)
    supervisor.terminate()
    _, alive = psutil.wait_procs([supervisor, *children], STOP_SECONDS)
    if alive:
        raise InputError(
            file=str(folder.path),
            consequence=f"did not end within {STOP_SECONDS} s: process {', '.join(str(p.pid) for p in alive)}",
            fix="end them by their id and run `gx local down` again",
        )
    return True
