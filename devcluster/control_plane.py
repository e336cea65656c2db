"""The processes of a local control plane: what each is called with, and when it is ready."""

import base64
import re
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import httpx
import yaml

from common.cluster import POD_RANGE, SERVICE_RANGE
from devcluster.binaries import find
from devcluster.folder import DataFolder
from devcluster.node.addresses import HOST_ADDRESS
from devcluster.node.config import DNS, HOSTS
from devcluster.pki import CLIENTS

_LOOPBACK = "127.0.0.1"
PORTS = ("etcd", "etcd-peer", "kube-apiserver", "zone", "dns")
"""Servers that listen, each on a free port of the loopback interface."""


@dataclass(frozen=True)
class Daemon:
    """One process.

    Attributes:
        name: The program's name, also that of its log.
        command: Path and arguments. Secrets are in files, never here.
        ready: Whether it answers; None when nothing waits for it.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool] | None = None


def free_ports(previous: dict[str, int]) -> dict[str, int]:
    """Return a free port per server: the previous one where nobody took it, so that open clients keep working."""
    ports: dict[str, int] = {}
    sockets: list[socket.socket] = []
    for name in PORTS:
        sockets.append(taken := _bind(previous.get(name, 0)))
        ports[name] = int(taken.getsockname()[1])
    for held in sockets:
        held.close()
    return ports


def _bind(port: int) -> socket.socket:
    for candidate in (port, 0):
        attempt = socket.socket()
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: no wait after a restart
        try:
            attempt.bind((_LOOPBACK, candidate))
        except OSError:
            attempt.close()
            continue
        return attempt
    raise OSError("no free port on the loopback interface")


def write_kubeconfigs(folder: DataFolder, port: int) -> None:
    """Write a kubeconfig per client, certificates embedded: relative paths would make the cluster unreachable."""
    for client in CLIENTS:
        path = folder.kubeconfig if client == "admin" else folder.pki / f"{client}.kubeconfig"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "gx-local",
            "contexts": [{"name": "gx-local", "context": {"cluster": "gx-local", "user": client}}],
            "clusters": [
                {
                    "name": "gx-local",
                    "cluster": {
                        "server": f"https://{_api_address(folder)}:{port}",
                        "certificate-authority-data": _embedded(folder.pki / "ca.crt"),
                    },
                }
            ],
            "users": [
                {
                    "name": client,
                    "user": {
                        "client-certificate-data": _embedded(folder.pki / f"{client}.crt"),
                        "client-key-data": _embedded(folder.pki / f"{client}.key"),
                    },
                }
            ],
        }
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(document), encoding="utf-8")


def _embedded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _api_address(folder: DataFolder) -> str:
    """Pods reach the API server at the host's end of their link; nobody else needs more than loopback."""
    return HOST_ADDRESS if folder.pods else _LOOPBACK


def parts(folder: DataFolder, ports: dict[str, int]) -> list[Daemon]:
    """Return the processes in the order in which they start."""
    first, last = ([_node(folder, ports)], []) if folder.pods else ([], [_kwok(folder)])
    return [*first, *server_alone(folder, ports), *_controllers(folder), *last]


def server_alone(folder: DataFolder, ports: dict[str, int]) -> list[Daemon]:
    """Return the processes of an API server that admits objects and in which nothing acts on them."""
    return [_etcd(folder, ports), _api_server(folder, ports)]


def _node(folder: DataFolder, ports: dict[str, int]) -> Daemon:
    """Return the node's first process: it lays the link, and waits for the API server before it starts kubelet."""
    command = (sys.executable, "-m", "devcluster.node.machine", str(folder.path), str(ports["kube-apiserver"]))
    return Daemon("node", command, _link_is_up)


def names(folder: DataFolder, port: int) -> Daemon:
    """Return a DNS server for the public hosts of a network in Docker; a node of one's own has its own."""
    (folder.node / DNS).mkdir(parents=True, exist_ok=True)
    (folder.node / HOSTS).touch()
    server = f"bind {_LOOPBACK}\n  hosts {folder.node / HOSTS} {{\n    reload 1s\n  }}"
    (folder.node / DNS / "Corefile").write_text(f". {{\n  {server}\n}}\n")
    return Daemon("dns", (str(find("coredns")), "-conf", str(folder.node / DNS / "Corefile"), "-dns.port", str(port)))


def _link_is_up() -> bool:
    with socket.socket() as attempt:
        try:
            attempt.bind((HOST_ADDRESS, 0))
        except OSError:
            return False
        return True


def _etcd(folder: DataFolder, ports: dict[str, int]) -> Daemon:
    pki, url = folder.pki, f"https://{_LOOPBACK}:{ports['etcd']}"
    peer = f"http://{_LOOPBACK}:{ports['etcd-peer']}"
    command = (
        str(find("etcd")),
        f"--data-dir={folder.path / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        f"--cert-file={pki / 'etcd.crt'}",
        f"--key-file={pki / 'etcd.key'}",
        f"--trusted-ca-file={pki / 'ca.crt'}",
        "--client-cert-auth",
        "--unsafe-no-fsync",  # a trial cluster may lose its last second with the machine's power
        "--log-level=warn",
    )
    return Daemon("etcd", command)


def _api_server(folder: DataFolder, ports: dict[str, int]) -> Daemon:
    pki, port, address = folder.pki, ports["kube-apiserver"], _api_address(folder)
    # Without pods nobody is told an address: a loopback server is no endpoint, and a machine may have no network.
    reached = (
        (
            f"--advertise-address={address}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
            f"--kubelet-client-key={pki / 'kubelet-client.key'}",
        )
        if folder.pods
        else ("--advertise-address=192.0.2.1", "--endpoint-reconciler-type=none")
    )
    command = (
        str(find("kube-apiserver")),
        f"--etcd-servers=https://{_LOOPBACK}:{ports['etcd']}",
        f"--etcd-cafile={pki / 'ca.crt'}",
        f"--etcd-certfile={pki / 'etcd-client.crt'}",
        f"--etcd-keyfile={pki / 'etcd-client.key'}",
        f"--bind-address={address}",
        f"--secure-port={port}",
        f"--tls-cert-file={pki / 'kube-apiserver.crt'}",
        f"--tls-private-key-file={pki / 'kube-apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        "--authorization-mode=Node,RBAC",
        "--anonymous-auth=false",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki / 'service-accounts.pub'}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        *reached,
        "--allow-privileged",
        "--enable-admission-plugins=PodSecurity,ResourceQuota,LimitRanger,ServiceAccount",
    )
    certificate = (str(pki / "admin.crt"), str(pki / "admin.key"))
    return Daemon("kube-apiserver", command, lambda: _answers(address, port, str(pki / "ca.crt"), certificate))


def _answers(address: str, port: int, authority: str, certificate: tuple[str, str]) -> bool:
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(*certificate)
    try:
        return httpx.get(f"https://{address}:{port}/readyz", verify=context, timeout=5).is_success
    except httpx.HTTPError:
        return False


def _controllers(folder: DataFolder) -> list[Daemon]:
    pki = folder.pki
    manager = (
        str(find("kube-controller-manager")),
        f"--kubeconfig={pki / 'kube-controller-manager.kubeconfig'}",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--use-service-account-credentials",  # each controller has its own rights, as in production
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        # Nodes of a cluster that was stopped for a night are not evicted before their first heartbeat.
        "--node-monitor-grace-period=5m",
    )
    scheduler = (
        str(find("kube-scheduler")),
        f"--kubeconfig={pki / 'kube-scheduler.kubeconfig'}",
        "--leader-elect=false",
        "--secure-port=0",
    )
    return [Daemon("kube-controller-manager", manager), Daemon("kube-scheduler", scheduler)]


def _kwok(folder: DataFolder) -> Daemon:
    stages = folder.path / "stages.yaml"
    stages.write_text(resources.files("devcluster").joinpath("stages.yaml").read_text(encoding="utf-8"))
    command = (
        str(find("kwok")),
        f"--kubeconfig={folder.pki / 'kwok.kubeconfig'}",
        f"--config={stages}",
        "--manage-all-nodes=false",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        "--node-lease-duration-seconds=40",  # without leases its nodes become NotReady after the grace period
        f"--cidr={POD_RANGE}",
    )
    return Daemon("kwok", command)


def last_words(log: Path) -> str:
    """Return what a log says last, for the error that says why a process ended; also of a line that was cut off."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    if not lines:
        return "it wrote nothing"
    for key in ("error", "msg"):
        found = re.findall(rf'"{key}":"((?:[^"\\]|\\.)*)"', lines[-1])
        if found:
            return str(found[-1])[-300:]
    return lines[-1][-300:]
