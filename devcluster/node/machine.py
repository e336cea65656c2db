"""The first process of the node: everything else in its namespaces is its child, and ends with it.

It runs as process 1 of a process namespace, so the kernel ends whatever it started (containers too) when it ends, and
takes mounts, links and packet rules away with their namespaces, also after kill -9.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import cast

import grpc

from common.cluster import SERVICE_RANGE
from devcluster.binaries import find
from devcluster.node import cgroups
from devcluster.node.addresses import (
    HOST_ADDRESS,
    HOST_LINK,
    MODEL,
    NODE_ADDRESS,
    NODE_LINK,
    NODE_NAME,
    POD_SUBNET,
    PREFIX,
)
from devcluster.node.config import SOCKET
from gx.cluster.kubernetes_api import ApiError, KubernetesApi, UnreachableError

HOST_NETWORK = "GX_HOST_NETWORK"
"""Names the open file of the host's network namespace, which only this process can still reach."""
FIRST_SECONDS = 60
STOP_SECONDS = 5
_NAMESPACES = ("--fork", "--kill-child", "--pid", "--mount-proc", "--mount", "--net", "--cgroup", "--uts", "--ipc")


def enter(folder: Path, api_port: int) -> None:
    """Become the parent of the node: join its control groups, then let `unshare` make the namespaces."""
    cgroups.enter()
    host = os.open("/proc/self/ns/net", os.O_RDONLY)
    os.set_inheritable(host, True)  # noqa: FBT003 the system's own signature
    os.environ[HOST_NETWORK] = str(host)
    inner = [sys.executable, "-m", "devcluster.node.machine", str(folder), str(api_port), "inside"]
    os.execvp("unshare", ["unshare", *_NAMESPACES, *inner])  # noqa: S606, S607 no shell, fixed words


class Machine:
    """Starts the node's programs and waits for their end."""

    def __init__(self, folder: Path, api_port: int) -> None:
        self.folder = folder
        self.api_port = api_port
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> None:
        """Run until asked to stop or until a program ends by itself."""
        self._mounts()
        self._network()
        node = self.folder / "node"
        self._start("containerd", ["containerd", "--config", str(node / "containerd.toml")])
        self._wait(_runtime_answers, "containerd")
        self._wait(lambda: _reaches(HOST_ADDRESS, self.api_port), "the API server")
        pki = self.folder / "pki"
        self._start("kube-proxy", [str(find("kube-proxy")), f"--config={node / 'kube-proxy.yaml'}"])
        self._start(
            "kubelet",
            [
                str(find("kubelet")),
                f"--config={node / 'kubelet.yaml'}",
                f"--kubeconfig={pki / 'kubelet.kubeconfig'}",
                f"--root-dir={node / 'kubelet'}",
                f"--hostname-override={NODE_NAME}",
                f"--node-ip={NODE_ADDRESS}",
                f"--node-labels={','.join(f'{key}={value}' for key, value in MODEL.labels.items())}",
            ],
        )
        client = pki / "kube-router.kubeconfig"
        self._wait(lambda: _registered(client), "kubelet")
        self._start(
            "kube-router",
            [
                str(find("kube-router")),
                "--run-firewall=true",
                "--run-router=false",
                "--run-service-proxy=false",
                f"--kubeconfig={client}",
                f"--hostname-override={NODE_NAME}",
                f"--service-cluster-ip-range={SERVICE_RANGE}",
                "--health-port=0",
            ],
        )
        while True:
            self._look(0.5)

    def _mounts(self) -> None:
        """Give the node a /run and control groups of its own."""
        _call("mount", "-t", "tmpfs", "tmpfs", "/run")
        if cgroups.is_v2():
            _call("mount", "-t", "cgroup2", "cgroup", str(cgroups.ROOT))
            cgroups.settle()
            return
        trees = [path.name for path in cgroups.hierarchies()]
        _call("mount", "-t", "tmpfs", "tmpfs", str(cgroups.ROOT))
        for tree in trees:
            target = cgroups.ROOT / tree
            target.mkdir()
            option = f"none,name={tree}" if tree == "systemd" else tree
            _call("mount", "-t", "cgroup", "-o", option, "cgroup", str(target))

    def _network(self) -> None:
        """Lay the link to the host: this process still holds the host's namespace, nobody else here does."""
        host = int(os.environ.pop(HOST_NETWORK))
        outside = ("nsenter", f"--net=/proc/self/fd/{host}", "ip")
        peer = ("peer", "name", NODE_LINK, "netns", str(os.getpid()))
        _call(*outside, "link", "add", HOST_LINK, "type", "veth", *peer, keep=host)
        _call(*outside, "address", "add", f"{HOST_ADDRESS}/{PREFIX}", "dev", HOST_LINK, keep=host)
        _call(*outside, "link", "set", HOST_LINK, "up", keep=host)
        for reached in (POD_SUBNET, SERVICE_RANGE):  # the API server asks pods, a user may ask Services
            _call(*outside, "route", "add", reached, "via", NODE_ADDRESS, "dev", HOST_LINK, keep=host)
        os.close(host)
        _call("ip", "link", "set", "lo", "up")
        _call("ip", "address", "add", f"{NODE_ADDRESS}/{PREFIX}", "dev", NODE_LINK)
        _call("ip", "link", "set", NODE_LINK, "up")  # no route leads further: nothing in here reaches a real network
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")

    def _start(self, name: str, command: Sequence[str]) -> None:
        with (self.folder / "logs" / f"{name}.log").open("wb") as log:
            self.children[name] = subprocess.Popen(  # noqa: S603 fixed words and our own files
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _wait(self, ready: Callable[[], bool], name: str) -> None:
        deadline = time.monotonic() + FIRST_SECONDS
        while not ready():
            if time.monotonic() > deadline:
                raise SystemExit(f"{name} did not answer within {FIRST_SECONDS} s")
            self._look(0.1)

    def _look(self, seconds: float) -> None:
        """Sleep; collect what ended, orphans of containers too; end when one of the programs ended."""
        time.sleep(seconds)
        while True:
            try:
                ended, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if ended == 0:
                return
            for name, child in self.children.items():
                if child.pid == ended:
                    raise SystemExit(f"{name} ended with {os.waitstatus_to_exitcode(status)}: see its log")


def _runtime_answers() -> bool:
    """Ask containerd what kubelet asks first: it listens before it can answer, and kubelet does not ask twice."""
    with grpc.insecure_channel(f"unix://{SOCKET}") as channel:
        ask = cast("Callable[..., bytes]", channel.unary_unary("/runtime.v1.RuntimeService/Version"))
        try:
            ask(b"", timeout=2)
        except grpc.RpcError:
            return False
        return True


def _registered(client: Path) -> bool:
    """Whether the API server knows the node: kube-router ends where it does not."""
    try:
        return KubernetesApi.connect(client).get("v1", "Node", "", NODE_NAME) is not None
    except (ApiError, UnreachableError):
        return False


def _reaches(host: str, port: int) -> bool:
    with socket.socket() as attempt:
        attempt.settimeout(1)
        return attempt.connect_ex((host, port)) == 0


def _call(*command: str, keep: int | None = None) -> None:
    done = subprocess.run(  # noqa: S603 fixed words
        command, capture_output=True, text=True, check=False, pass_fds=() if keep is None else (keep,)
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")


def main() -> None:
    """Enter the namespaces, or be the first process inside them."""
    folder, api_port = Path(sys.argv[1]), int(sys.argv[2])
    if "inside" not in sys.argv:
        enter(folder, api_port)

    signal.signal(signal.SIGTERM, _stop)
    Machine(folder, api_port).run()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """Ask everything to end; what does not, ends with this process, as everything in here does."""
    os.kill(-1, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.1)
        except ChildProcessError:
            break
    sys.exit(0)


if __name__ == "__main__":
    main()
