"""The newest snapshot into a throw-away server, every byte and header compared: a restore as a rehearsal.

`python -m backup.drill`. The server lives in the pod, on a scratch volume, and goes with it: the network's own
server is not touched (takeover.md 10).
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from backup import status
from backup.config import Limits, RunEnvironment, backup_root
from backup.folder import Snapshot, SnapshotFolder, free_bytes, in_use
from backup.proving import compare
from backup.restore import FromFolder, chosen, restore
from backup.run import finish, say, time_limit
from backup.s3 import BucketLocation
from backup.snapshot import NEWEST, WHOLE_HEADERS, FailedError, read_kept

SERVERS = ("minio", "silo")
START_SECONDS = 60
SCRATCH_BUCKET = "restore-drill"
TIMES_FREE = 2  # takeover.md 10: refuse below twice the size


@contextmanager
def throw_away_server(scratch: Path) -> Generator[BucketLocation]:
    """Run an object store on a free port of the loopback interface with keys of its own, and remove its data.

    Raises:
        FailedError: It does not start.
    """
    program = next((found for name in SERVERS if (found := shutil.which(name))), None)
    if program is None:
        raise FailedError(f"none of {', '.join(SERVERS)} is on PATH")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    location = BucketLocation(
        endpoint=f"http://127.0.0.1:{port}",
        bucket=SCRATCH_BUCKET,
        access_key="drill",
        secret_key=secrets.token_hex(20),
    )
    environment = {
        **os.environ,
        "MINIO_ROOT_USER": location.access_key,
        "MINIO_ROOT_PASSWORD": location.secret_key,
        "MINIO_BROWSER": "off",
        "HOME": str(scratch),
    }
    data = scratch / "data"
    with (scratch / "server.log").open("wb") as log:
        command = [program, "server", str(data), "--address", f"127.0.0.1:{port}"]
        server = subprocess.Popen(  # noqa: S603 the image's own program
            command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
        try:
            _wait(server, location, scratch / "server.log")
            yield location
        finally:
            server.kill()
            server.wait()
            shutil.rmtree(data, ignore_errors=True)


def _wait(server: "subprocess.Popen[bytes]", location: BucketLocation, log: Path) -> None:
    """Wait until the server answers with its keys: its port is open, and its health good, a while before."""
    until, client = time.monotonic() + START_SECONDS, location.client(patient=False)
    while time.monotonic() < until and server.poll() is None:
        try:
            client.list_buckets()
        except (BotoCoreError, ClientError):
            time.sleep(0.1)
        else:
            return
    last = log.read_text(errors="replace").strip().splitlines()[-1:]
    raise FailedError(f"the throw-away server did not start: {' '.join(last)}")


def drill(snapshot: Snapshot, scratch: Path, limits: Limits) -> None:
    """Restore a snapshot into a throw-away server and compare every byte.

    Raises:
        FailedError: There is too little room, or what was restored is not what was kept.
    """
    taken = snapshot.metadata
    free = free_bytes(scratch)
    if free < TIMES_FREE * taken.bytes + limits.free_bytes:
        raise FailedError(
            f"{free} bytes are free where the drill would restore {taken.bytes}: it needs twice that, and "
            f"{limits.free_bytes} must stay free"
        )
    with in_use(snapshot), throw_away_server(scratch) as location:
        restore(FromFolder(snapshot), location, scratch, execute=True, over=False)
        whole = taken.format >= WHOLE_HEADERS
        read = compare(read_kept(snapshot.manifest), location, whole=whole, read_all=True)
        read.require_equal(f"{taken.stamp}, restored")
        if read.others or (read.objects, read.bytes) != (taken.objects, taken.bytes):
            raise FailedError(
                f"{taken.stamp}, restored, has {read.objects} objects of {read.bytes} bytes and {read.others} others"
            )
    say(f"drill passed: {taken.stamp}, {read.objects} objects, {read.bytes} bytes, every byte and header compared")


def main() -> None:
    """Run one drill as the environment describes it, and say in the status bucket how it went."""
    environment = RunEnvironment()
    with status.reported(environment, status.DRILL) as said:
        limits = Limits.read(environment)
        folder = SnapshotFolder(backup_root(environment))
        with (
            time_limit(limits.seconds),
            tempfile.TemporaryDirectory(prefix="drill-") as work,
        ):
            snapshot = chosen(folder, NEWEST)
            said.more["stamp"] = snapshot.metadata.stamp
            drill(snapshot, Path(work), limits)
            said.proven = snapshot.metadata.stamp


if __name__ == "__main__":
    sys.exit(finish("restore drill", main))
