"""devnet with real pods on this machine, as a user brings it up; and what the tests ask of it."""

import base64
import contextlib
import fcntl
import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import psutil
from aiohttp.abc import AbstractResolver, ResolveResult

from backup.s3 import BucketLocation
from common.errors import InputError
from common.naming import MINIO_BACKUP_USER, MONITORING_NAMESPACE, TEST_USERS
from common.objects import Object, mapping, sequence
from devcluster.folder import DataFolder
from devcluster.network import LocalNetwork
from devcluster.node.addresses import HOST_LINK, NODE_ADDRESS
from devcluster.node.backup import manual_job
from devcluster.node.cgroups import NAME, hierarchies
from devcluster.node.host import check, this_host
from devcluster.node.surroundings import ALERTMANAGER_PORT
from gx.backups.locations import secret_pair
from gx.cluster.kubernetes_api import ApiError, KubernetesApi
from gx.cluster.readiness import job_ended
from settings.offline import offline_settings
from settings.project import ROOT
from tests.conftest import unavailable
from tests.helpers.command import gx_words
from tests.helpers.stack import copy_project

FORWARD = Path(__file__).with_name("forward.py")
STACK, NAMESPACE = "devnet", "backend-devnet"
HOST = "devnet.gxcoin.money"
LOCK = Path(tempfile.gettempdir()) / "gx-pods-test.lock"


class _Node(AbstractResolver):
    """Every public name leads to the node."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=NODE_ADDRESS, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Devnet:
    """The network.

    Attributes:
        root: A copy of everything that a user edits.
        data: The data folder of the local command.
        programs: Folder that is searched for programs first: whether Docker is there is the test's choice.
        forwarded: Who leads to MinIO on which port, by the process of its pod.
    """

    root: Path
    data: Path
    programs: Path
    forwarded: dict[int, tuple["subprocess.Popen[bytes]", int]] = field(
        default_factory=dict[int, tuple["subprocess.Popen[bytes]", int]]
    )

    def program(self, name: str, line: str) -> None:
        """Put a program of one line of shell in the place of the machine's own."""
        self.programs.mkdir(exist_ok=True)
        (self.programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (self.programs / name).chmod(stat.S_IRWXU)

    @property
    def folder(self) -> DataFolder:
        """The data folder of the cluster with real pods."""
        return DataFolder(self.data / "pods", pods=True)

    @property
    def api(self) -> KubernetesApi:
        """The API server."""
        return KubernetesApi.connect(self.folder.kubeconfig)

    @property
    def trust(self) -> ssl.SSLContext:
        """Trusts the authority of the public hosts."""
        return ssl.create_default_context(cafile=str(self.folder.pki / "web-ca.crt"))

    def gx(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command `gx` on the network."""
        return subprocess.run(
            gx_words(*arguments),
            cwd=cwd or self.root,
            env={
                **os.environ,
                "KUBECONFIG": str(self.folder.kubeconfig),
                "PYTHONPATH": str(ROOT),
                "PATH": f"{self.programs}:{os.environ['PATH']}",
                "GX_FAKE_KIND": str(self.data.parent / "kind"),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )

    def up(self) -> str:
        """Bring it up, or bring a change to it; return what the command said."""
        done = self.gx("local", "up", STACK, "--pods", "--data", str(self.data))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "not ready" not in done.stdout, done.stdout
        return done.stdout

    def down(self, *options: str) -> None:
        """Take it down."""
        done = self.gx("local", "down", "--data", str(self.data), *options)
        assert done.returncode == 0, done.stdout + done.stderr

    def engine(self) -> LocalNetwork:
        """Return the engine's view of the network."""
        return LocalNetwork(
            folder=self.folder,
            settings=offline_settings(STACK, self.root, local=True),
            root=self.root,
            kubeconfig=self.folder.kubeconfig,
            zone_url=f"http://127.0.0.1:{self.folder.ports()['zone']}/client/v4",
        )

    def verify(self) -> dict[str, Any]:
        """Run `gx verify` as the command tells a user to; return its JSON."""
        tool = self.folder.docker
        dns = f"127.0.0.1:{self.folder.ports()['dns']}" if tool else f"{NODE_ADDRESS}:53"
        context = f"{tool}-gx-local" if tool else "gx-local"
        reach = ["--connect-to", f"{HOST}:443:{NODE_ADDRESS}:443", "--dns", dns]
        authority = ["--cacert", str(self.folder.pki / "web-ca.crt"), "--minio", self.minio_url]
        project = self.folder.stack(STACK) / "project"
        done = self.gx("verify", STACK, "--context", context, "--json", *reach, *authority, cwd=project)
        assert done.stdout, done.stderr
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    @property
    def node(self) -> int:
        """A process in the node's own network: the one that enforces the policies."""
        client = str(self.folder.pki / "kube-router.kubeconfig")
        words = {process.pid: " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])}
        return next(process for process, line in words.items() if client in line and "run-firewall" in line)

    @property
    def minio_url(self) -> str:
        """Where MinIO answers: inside its pod, as a forwarded port leads; the policies close every other way."""
        inside = processes_of(self.pods("minio")[0])
        assert inside, "the pod runs"
        if inside[0] not in self.forwarded:
            with socket.create_server(("127.0.0.1", 0)) as listening:
                number = listening.fileno()
                words = [
                    "nsenter",
                    f"--net=/proc/{inside[0]}/ns/net",
                    sys.executable,
                    str(FORWARD),
                    str(number),
                    "9000",
                ]
                child = subprocess.Popen(words, pass_fds=(number,))
                self.forwarded[inside[0]] = (child, int(listening.getsockname()[1]))
        return f"http://127.0.0.1:{self.forwarded[inside[0]][1]}"

    def close(self) -> None:
        """Forward nothing any more."""
        for child, _ in self.forwarded.values():
            child.terminate()
            child.wait()

    def bucket(self, secret: str = MINIO_BACKUP_USER) -> BucketLocation:
        """Return the bucket with the keys of a user."""
        access_key, secret_key = secret_pair(self.api, NAMESPACE, secret)
        bucket = offline_settings(STACK, self.root).network.bucket
        return BucketLocation(endpoint=self.minio_url, bucket=bucket, access_key=access_key, secret_key=secret_key)

    def pods(self, app: str, namespace: str = NAMESPACE) -> list[Object]:
        """Return the pods of a workload."""
        return list(self.api.list_objects("v1", "Pod", namespace, labels=f"app={app}"))

    def trigger(self, cron_job: str, name: str) -> None:
        """Run a CronJob now, as by hand, and wait until it has succeeded."""
        api = self.api
        owner = api.get("batch/v1", "CronJob", NAMESPACE, cron_job)
        assert owner is not None
        api.apply(manual_job(owner, name), manager="test")
        try:
            until(lambda: _succeeded(api, name), 90)
        except AssertionError as error:
            pods = [pod["metadata"]["name"] for pod in api.list_objects("v1", "Pod", NAMESPACE)]
            logs = [api.pod_log(NAMESPACE, pod)[-1500:] for pod in pods if pod.startswith(f"{name}-")]
            raise AssertionError("\n".join([str(error), *logs])) from None

    def query(self, sql: str) -> str:
        """Ask the database, in its pod."""
        pod = self.pods("postgres")[0]["metadata"]["name"]
        command = ["psql", "-h", "/tmp", "-U", "gx_admin", "-d", "gx_protocol", "-At", "-c", sql]  # noqa: S108 in the pod
        password = self.api.get("v1", "Secret", NAMESPACE, "backend-secrets")
        assert password is not None
        text = base64.b64decode(password["data"]["DATABASE_PASSWORD"]).decode()
        code, said = self.api.run_in_pod(NAMESPACE, pod, "postgres", ["env", f"PGPASSWORD={text}", *command])
        assert code == 0, said
        return said.strip()

    def alerts(self) -> dict[str, str]:
        """Return what Alertmanager has been told and still holds: severity by name."""
        pod = self.api.get("v1", "Pod", MONITORING_NAMESPACE, "prometheus-0")
        assert pod is not None
        url = f"http://{pod['status']['podIP']}:{ALERTMANAGER_PORT}/api/v2/alerts"  # this machine reaches pods
        told = httpx.get(url, params={"active": "true"}, trust_env=False).json()
        return {alert["labels"]["alertname"]: alert["labels"]["severity"] for alert in told}

    def password(self) -> str:
        """Return the password of the test users."""
        secret = self.api.get("v1", "Secret", NAMESPACE, TEST_USERS)
        assert secret is not None
        return base64.b64decode(secret["data"]["password"]).decode()

    @contextmanager
    def client(self) -> Generator[httpx.Client]:
        """Return a client for the public host, through the edge."""
        with httpx.Client(
            base_url=f"https://{NODE_ADDRESS}", verify=self.trust, headers={"Host": HOST}, timeout=20
        ) as client:
            client.event_hooks["request"] = [_with_name]
            yield client

    def session(self) -> aiohttp.ClientSession:
        """Return a session that finds the public host at the node."""
        connector = aiohttp.TCPConnector(resolver=_Node(), ssl=self.trust, force_close=True)
        return aiohttp.ClientSession(connector=connector, base_url=f"https://{HOST}")


def _with_name(request: httpx.Request) -> None:
    request.extensions["sni_hostname"] = HOST


@dataclass(frozen=True)
class Person:
    """A test user who is logged in."""

    profile: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What proves who it is."""
        return {"Authorization": f"Bearer {self.token}"}


def log_in(devnet: Devnet, name: str) -> Person:
    """Log a test user in, through the edge."""
    with devnet.client() as client:
        body = {"email": f"{name}@devnet.gxcoin.test", "password": devnet.password()}
        answer = client.post("/api/v1/auth/login", json=body)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    return Person(said["user"]["profileId"], said["accessToken"])


def until(done: Callable[[], object], seconds: float) -> float:
    """Wait until something is so; return how long that took."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.5)
    return time.monotonic() - began


def _succeeded(api: KubernetesApi, job: str) -> bool:
    found = api.get("batch/v1", "Job", NAMESPACE, job)
    assert found is not None
    state = job_ended(found)
    assert not state.failed, state.text
    return state.ready


def processes_of(pod: Object) -> list[int]:
    """Return the processes of a pod's first container, the oldest first: others come and go."""
    statuses = sequence(pod, "status", "containerStatuses")
    identifier = str(statuses[0].get("containerID", "")).rpartition("//")[2] if statuses else ""
    found: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            if identifier and entry.name.isdigit() and identifier in (entry / "cgroup").read_text():
                found[int(entry.name)] = psutil.Process(int(entry.name)).create_time()
    return sorted(found, key=lambda process: found[process])


def kill_container(pod: Object) -> bool:
    """End a pod's first container as a crash does: its first process is killed, Kubernetes is told nothing."""
    killed = False
    for process in processes_of(pod):
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)
            killed = True
    return killed


def all_ready(devnet: Devnet) -> bool:
    """Whether every Deployment of the network has all its pods."""
    try:
        deployments = list(devnet.api.list_objects("apps/v1", "Deployment", NAMESPACE))
    except ApiError:
        return False
    return all(mapping(d, "status").get("readyReplicas", 0) == d["spec"]["replicas"] for d in deployments)


def left_behind(folder: Path) -> list[str]:
    """Return what is left of a node: processes, links, mounts, control groups."""
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode(errors="replace") if entry.name.isdigit() else ""
            if str(folder) in words and int(entry.name) != os.getpid() and "local\0down" not in words:
                found.append(f"process {entry.name}: {words[:80]}")
    links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout
    found += [line for line in links.splitlines() if line.startswith(HOST_LINK)]
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line]
    found += [str(tree / NAME) for tree in hierarchies() if (tree / NAME).exists()]
    return found


@contextmanager
def devnet() -> Generator[Devnet]:
    """Bring the network up once; afterwards nothing of it is left. One at a time on a machine."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            check(this_host())
        except InputError as problem:
            unavailable(str(problem))
        with tempfile.TemporaryDirectory(prefix="gx-pods-") as name:
            folder = Path(name)
            network = Devnet(copy_project(folder / "project"), folder / "data", folder / "bin")
            network.program("docker", "exit 1")
            try:
                yield network
            finally:
                network.close()
                network.down("--delete")
            assert left_behind(folder) == []
