"""Measures backup and restore on a real MinIO: ratios to a bare `mc mirror` of the same data, in one run.

Both sides are measured until the data is on the disk: a copy that a power cut would take is no backup. What the bare
mirror takes until it ends, its data still in memory, is printed beside.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from devcluster.binaries import find
from settings.project import ROOT

KEYS = ("bench-user", "bench-password")
ROUNDS = 3
WHOLE = (5_000, 429_497)  # objects and bytes of each: 2 GiB
UNCHANGED = (20_000, 16_384)
MEMORY = (1_000, 10_000, 100_000)
TINY = 64
FOLDERS = 100


class Bench:
    """A server, a volume, and commands that are timed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        environment = {**os.environ, "MINIO_ROOT_USER": KEYS[0], "MINIO_ROOT_PASSWORD": KEYS[1], "MINIO_BROWSER": "off"}
        command = [str(find("minio")), "server", str(folder / "server"), "--address", self.url.removeprefix("http://")]
        quiet = subprocess.DEVNULL
        self.server = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
        while True:
            try:
                httpx.get(f"{self.url}/minio/health/ready").raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.1)
            else:
                break
        self.mc("mb", "b/gx-backup-status")

    def _environment(self) -> dict[str, str]:
        address = self.url.removeprefix("http://")
        return {
            **os.environ,
            "PATH": f"{find('mc').parent}:{find('minio').parent}:{os.environ['PATH']}",
            "MC_HOST_b": f"http://{KEYS[0]}:{KEYS[1]}@{address}",
            "MC_CONFIG_DIR": str(self.folder / "mc"),
            "TMPDIR": str(self.folder),
        }

    def mc(self, *arguments: str) -> None:
        """Run mc."""
        subprocess.run([str(find("mc")), *arguments], env=self._environment(), check=True, capture_output=True)

    def fill(self, bucket: str, objects: int, size: int) -> None:
        """Write objects of random bytes; they are removed from the local disk again."""
        source = self.folder / "source"
        noise = os.urandom(size + objects)
        for number in range(objects):
            path = source / f"files/{number % FOLDERS:03}/{number:06}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(noise[number : number + size])
        self.mc("mb", f"b/{bucket}")
        self.mc("mirror", "--quiet", f"{source}/", f"b/{bucket}/")
        shutil.rmtree(source)

    def timed(self, command: list[str], extra: Mapping[str, str] | None = None) -> tuple[float, float, float]:
        """Return seconds until a command ended, until the disk had everything, and the peak MiB of its processes."""
        os.sync()
        started = time.perf_counter()
        with tempfile.TemporaryFile() as output:
            child = subprocess.Popen(
                command, env={**self._environment(), **(extra or {})}, cwd=ROOT, stdout=output, stderr=output
            )
            _, code, usage = os.wait4(child.pid, 0)
            child.returncode = code
            ended = time.perf_counter() - started
            os.sync()
            if code:
                output.seek(0)
                sys.exit(f"bench: {' '.join(command)}: {output.read().decode()}")
        return ended, time.perf_counter() - started, usage.ru_maxrss / 1024

    def run(self, module: str, bucket: str, *arguments: str) -> tuple[float, float, float]:
        """Time one run of the backup's pods."""
        env = {
            "NETWORK": "bench",
            "S3_ENDPOINT": self.url,
            "BUCKET": bucket,
            "STATUS_BUCKET": "gx-backup-status",
            "AWS_ACCESS_KEY_ID": KEYS[0],
            "AWS_SECRET_ACCESS_KEY": KEYS[1],
            "BACKUP_ROOT": str(self.folder / "volume"),
            "DEADLINE_SECONDS": "1800",
            "RETENTION_DAYS": "7",
            "KEEP_LEAST": "1",
            "MAX_SHRINK_PERCENT": "50",
        }
        return self.timed([sys.executable, "-m", f"backup.{module}", *arguments], env)

    def forget(self, *names: str) -> None:
        """Remove what a measurement wrote."""
        for name in names:
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def drop(self, bucket: str) -> None:
        """Remove a bucket."""
        self.mc("rb", "--force", f"b/{bucket}")


def _print(name: str, seconds: float, ratio: float | None = None) -> None:
    print(f"{name:58}{seconds:9.2f}" + (f"{ratio:8.2f}" if ratio is not None else ""))


def data() -> None:
    """Print what backup, second backup, restore and drill cost."""
    folder = Path(tempfile.mkdtemp(prefix="gx-bench-"))
    bench = Bench(folder)
    try:
        print(f"\n{'backup, real MinIO and mc':58}{'seconds':>9}{'ratio':>8}")
        _whole(bench)
        _unchanged(bench)
        _memory(bench)
    finally:
        bench.server.kill()
        bench.server.wait()
        shutil.rmtree(folder)


def _whole(bench: Bench) -> None:
    bench.fill("whole", *WHOLE)
    mirrored: list[tuple[float, float, float]] = []
    backed_up: list[tuple[float, float, float]] = []
    for _ in range(ROUNDS):
        bench.forget("bare", "volume")
        mirrored.append(bench.timed(["mc", "mirror", "--quiet", "b/whole/", f"{bench.folder}/bare/"]))
        backed_up.append(bench.run("take", "whole"))
    ended, on_disk = (statistics.median(times[i] for times in mirrored) for i in (0, 1))
    proven = statistics.median(times[1] for times in backed_up)
    _print("mc mirror of 2 GiB in 5,000 objects, until it ends", ended)
    _print("the same, until it is on the disk", on_disk, 1)
    _print("backup of the same, proven and on the disk", proven, proven / on_disk)
    back: list[float] = []
    restored: list[float] = []
    for number in range(ROUNDS):
        bench.mc("mb", f"b/bare-{number}")
        back.append(bench.timed(["mc", "mirror", "--quiet", f"{bench.folder}/bare/", f"b/bare-{number}/"])[1])
        restored.append(bench.run("restore", "whole", "newest", "--into", f"whole-{number}", "--execute")[1])
        bench.drop(f"bare-{number}")
        bench.drop(f"whole-{number}")
    bare, proven = statistics.median(back), statistics.median(restored)
    _print("mc mirror back of the same", bare, 1)
    _print("restore of the same, proven", proven, proven / bare)
    drilled = bench.run("drill", "whole")[1]
    _print("drill: restore into a throw-away server, every byte compared", drilled, drilled / bare)
    bench.forget("bare", "volume")
    bench.drop("whole")


def _unchanged(bench: Bench) -> None:
    bench.fill("same", *UNCHANGED)
    first = bench.run("take", "same")[1]
    time.sleep(1)
    again: list[float] = []
    for _ in range(ROUNDS):
        again.append(bench.run("take", "same")[1])
        time.sleep(1)
    second = statistics.median(again)
    _print("first backup of 20,000 objects", first, 1)
    _print("second backup, nothing changed", second, second / first)
    bench.forget("volume")
    bench.drop("same")


def _memory(bench: Bench) -> None:
    print(f"\n{'objects':>9}{'MiB, first backup':>20}{'MiB, second':>14}")
    for objects in MEMORY:
        bucket = f"tiny-{objects}"
        bench.fill(bucket, objects, TINY)
        first = bench.run("take", bucket)[2]
        time.sleep(1)
        second = bench.run("take", bucket)[2]
        print(f"{objects:9,}{first:20.0f}{second:14.0f}")
        bench.forget("volume")
        bench.drop(bucket)


if __name__ == "__main__":
    data()
