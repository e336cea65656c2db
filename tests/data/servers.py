"""A real MinIO server on a free port of the loopback interface, and the environment of the backup's runs."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from backup.s3 import BucketLocation
from devcluster.binaries import find
from settings.project import ROOT
from tests.helpers.network import free_port

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

ROOT_USER, ROOT_PASSWORD = "root-of-the-test", "root-password-of-the-test"
BUCKET, STATUS = "gx-voice-messages", "gx-backup-status"


class Minio:
    """A server with a data folder; it can be stopped, started again at its address, and made to hang."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(exist_ok=True)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Minio":
        """Start it and wait until it is ready."""
        environment = {
            **os.environ,
            "MINIO_ROOT_USER": ROOT_USER,
            "MINIO_ROOT_PASSWORD": ROOT_PASSWORD,
            "MINIO_BROWSER": "off",
            "HOME": str(self.folder),
            **self._environment,
        }
        command = [str(find("minio")), "server", str(self.folder / "data"), "--address", f"127.0.0.1:{self.port}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{self.url}/minio/health/ready", timeout=2).raise_for_status()
                self.client().list_buckets()  # its health is good a while before its keys are
            except (httpx.HTTPError, BotoCoreError, ClientError):
                assert time.monotonic() < until, (self.folder / "log").read_text()
                time.sleep(0.1)
            else:
                return self

    def kill(self) -> None:
        """End it without warning."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        self._process.kill()
        self._process.wait()

    def hang(self) -> None:
        """Let it hold its connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End the hang."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def location(self, bucket: str = BUCKET, key: str = ROOT_USER, secret: str = ROOT_PASSWORD) -> BucketLocation:
        """Return a bucket of it."""
        return BucketLocation(endpoint=self.url, bucket=bucket, access_key=key, secret_key=secret)

    def client(self, key: str = ROOT_USER, secret: str = ROOT_PASSWORD) -> "S3Client":
        """Return a client."""
        return self.location(key=key, secret=secret).client()

    def mc(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run mc with the alias `gx` for this server."""
        environment = {
            **os.environ,
            "MC_HOST_gx": f"http://{ROOT_USER}:{ROOT_PASSWORD}@127.0.0.1:{self.port}",
            "MC_CONFIG_DIR": str(self.folder / "mc"),
        }
        command = [str(find("mc")), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, input=text)

    def empty(self) -> None:
        """Remove every bucket."""
        client = self.client()
        for bucket in client.list_buckets()["Buckets"]:
            self.mc("rb", "--force", f"gx/{bucket.get('Name', '')}")


@dataclass
class Runs:
    """The runs of the backup as its pods start them: same modules, same variables, a folder as the volume."""

    server: Minio
    volume: Path
    env: dict[str, str] = field(default_factory=dict[str, str])

    def start(self, module: str, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Start a run without waiting."""
        path = f"{find('mc').parent}:{find('minio').parent}:{os.environ['PATH']}"
        scratch = self.volume.parent / "tmp"
        scratch.mkdir(exist_ok=True)
        variables = {
            "PATH": path,
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(scratch),
            "NETWORK": "devnet",
            "S3_ENDPOINT": self.server.url,
            "BUCKET": BUCKET,
            "STATUS_BUCKET": STATUS,
            "AWS_ACCESS_KEY_ID": ROOT_USER,
            "AWS_SECRET_ACCESS_KEY": ROOT_PASSWORD,
            "BACKUP_ROOT": str(self.volume),
            "DEADLINE_SECONDS": "120",
            "RETENTION_DAYS": "7",
            "KEEP_LEAST": "1",
            "MAX_SHRINK_PERCENT": "30",
            **self.env,
            **env,
        }
        command = [sys.executable, "-m", f"backup.{module}", *arguments]
        return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, module: str, *arguments: str, **env: str) -> tuple[int, str]:
        """Run to the end; return exit code and output. Names of snapshots have whole seconds: each run gets its own."""
        time.sleep(1.01 - time.time() % 1)
        with self.start(module, *arguments, **env) as process:
            output, _ = process.communicate(timeout=150)
        assert "Traceback" not in output, output
        assert ROOT_PASSWORD not in output
        return process.returncode, output

    def backup(self, **env: str) -> str:
        """Make a snapshot that must succeed; return its name."""
        code, output = self.run("take", **env)
        assert code == 0, output
        return self.snapshots()[-1]

    def snapshots(self) -> list[str]:
        """Return the names of complete snapshots, oldest first."""
        return sorted(path.parent.name for path in self.volume.glob("snapshots/[0-9]*/metadata.json"))

    def leftovers(self) -> list[str]:
        """Return what lies among the snapshots and is none."""
        folder = self.volume / "snapshots"
        return sorted(e.name for e in folder.iterdir() if e.name not in [*self.snapshots(), ".lock"])


def put(server: Minio, objects: Mapping[str, bytes], bucket: str = BUCKET, **arguments: Any) -> None:
    """Write objects."""
    client = server.client()
    for key, body in objects.items():
        client.put_object(Bucket=bucket, Key=key, Body=body, **arguments)


def contents(server: Minio, bucket: str = BUCKET) -> dict[str, bytes]:
    """Return every object of a bucket."""
    client = server.client()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]  # type: ignore[typeddict-item]
    return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def remove(folder: Path) -> None:
    """Remove a folder of a test."""
    shutil.rmtree(folder, ignore_errors=True)
