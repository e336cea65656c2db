"""Measures reachability and the edge: what HAProxy costs beside the same server without it, side by side in one run."""

import contextlib
import dataclasses
import shutil
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from common.plan import Plan
from devcluster.binaries import find
from gx.plan.record import record
from rules.reachability.endpoint import Endpoint, Port
from rules.reachability.matrix import Matrix
from rules.reachability.semantics import Policies, policy_from
from rules.reachability.world import endpoints, planned_policies
from settings.offline import offline_settings
from tests.helpers.edge import planned_edge
from tests.helpers.network import add_address, own_network
from tests.traffic.edge import Edge, cluster_dns, connects, scratch, wait_until
from tests.traffic.world import certificate_for

ROUNDS, CALLS, BULK = 7, 2000, 256 * 2**20
HOST, POD = "api.gxcoin.money", "10.42.0.11"
CLOUDFLARE, SERVICE, DNS = "173.245.48.7", "10.43.9.9", ("10.43.0.10", 5353)
GIGABIT, _PACING = 10**9 // 8, 47  # bytes per second; SO_MAX_PACING_RATE, which Python does not name
PORTS = (18080, 18443, 18404)


def reachability() -> None:
    """Print how long the full matrix of mainnet takes, and that of 500 pods with 200 policies."""
    plan = record("mainnet")
    seconds = [_timed(lambda: list(_rows(plan))) for _ in range(ROUNDS)]
    print(f"\nreach: mainnet, every pair and port: {statistics.median(seconds):.3f} s")
    everybody, policies = _many(500, 200)
    seconds = [_timed(lambda: list(Matrix(everybody, policies).rows(frozenset({"many"})))) for _ in range(3)]
    print(f"reach: 500 pods x 500 pods, 200 policies: {statistics.median(seconds):.3f} s")


def _rows(plan: Plan) -> Iterator[object]:
    return Matrix(endpoints(plan), planned_policies(plan)).rows(plan.own_namespaces)


def _many(pods: int, count: int) -> tuple[list[Endpoint], Policies]:
    everybody = [
        Endpoint(name=f"p{n}", namespace="many", labels={"app": f"p{n}"}, ports=(Port(number=80), Port(number=81)))
        for n in range(pods)
    ]
    manifests = [
        {
            "metadata": {"name": f"policy-{n}", "namespace": "many"},
            "spec": {
                "podSelector": {"matchLabels": {"app": f"p{n}"}},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"from": [_pod_peer(f"p{(n + k) % pods}") for k in range(9)]}],
                "egress": [{"to": [{"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}]}],
            },
        }
        for n in range(count)
    ]
    return everybody, Policies(policy_from(manifest) for manifest in manifests)


def _pod_peer(app: str) -> dict[str, object]:
    return {"podSelector": {"matchLabels": {"app": app}}}


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def _controller(folder: Path) -> Generator[ssl.SSLContext]:
    """Run Traefik with TLS before a small server, as the edge's backend; yield whom to trust."""
    public, private = certificate_for([HOST])
    (folder / "cert.pem").write_bytes(public)
    (folder / "key.pem").write_bytes(private)
    dynamic: dict[str, object] = {
        "tls": {"certificates": [{"certFile": str(folder / "cert.pem"), "keyFile": str(folder / "key.pem")}]},
        "http": {
            "routers": {"all": {"rule": f"Host(`{HOST}`)", "service": "one", "tls": {}}},
            "services": {"one": {"loadBalancer": {"servers": [{"url": f"http://{POD}:3007"}]}}},
        },
    }
    static = {
        "entryPoints": {"websecure": {"address": f"{SERVICE}:443"}},
        "providers": {"file": {"filename": str(folder / "dynamic.yaml")}},
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "ERROR"},
    }
    (folder / "dynamic.yaml").write_text(yaml.safe_dump(dynamic))
    (folder / "traefik.yaml").write_text(yaml.safe_dump(static))
    command = [str(find("traefik")), f"--configFile={folder / 'traefik.yaml'}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child, _pod():
        try:
            wait_until(lambda: connects(SERVICE, 443))
            yield ssl.create_default_context(cafile=str(folder / "cert.pem"))
        finally:
            child.terminate()


@contextmanager
def _pod() -> Generator[None]:
    """Answer `/small` with a word, `/paced` with BULK bytes at a gigabit per second, `/large` as fast as it can."""
    listener = socket.create_server((POD, 3007), backlog=512)
    block = bytes(2**20)

    def answer(connection: socket.socket) -> None:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while head := connection.recv(65536):
                small = head.startswith(b"GET /small")
                paced = head.startswith(b"GET /paced")
                connection.setsockopt(socket.SOL_SOCKET, _PACING, struct.pack("Q", GIGABIT if paced else 2**64 - 1))
                size = 2 if small else BULK
                connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + b"ok" * small)
                for _ in range(0 if small else BULK // len(block)):
                    connection.sendall(block)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


class _Client:
    """One TLS connection as Cloudflare keeps it open to an origin."""

    def __init__(self, location: tuple[str, int], trust: ssl.SSLContext) -> None:
        plain = socket.create_connection(location, source_address=(CLOUDFLARE, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = trust.wrap_socket(plain, server_hostname=HOST)
        self._buffer = bytearray(2**20)

    def get(self, path: str) -> int:
        """Send a request and return how many bytes of the body came."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._socket.recv(4096)
        names, _, body = head.partition(b"\r\n\r\n")
        if not names.startswith(b"HTTP/1.1 200"):
            sys.exit(f"bench: the server answered with {names.splitlines()[0]!r}")
        size = int(next(line for line in names.lower().split(b"\r\n") if line.startswith(b"content-length")).split()[1])
        got = len(body)
        while got < size:
            got += self._socket.recv_into(self._buffer)
        return got

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


def _latency(client: _Client) -> float:
    """Return the median milliseconds of a small request on an open connection."""
    times = [_timed(lambda: client.get("/small")) for _ in range(CALLS)]
    return statistics.median(times) * 1000


def _throughput(client: _Client, path: str) -> float:
    """Return MiB per second of one large answer."""
    return BULK / 2**20 / _timed(lambda: client.get(path))


def edge() -> None:
    """Print throughput and latency through the edge, as ratios to the same controller without it."""
    folder = scratch()
    config = dataclasses.replace(
        planned_edge(offline_settings("mainnet")), listen=PORTS, folder=str(folder), resolver=f"{DNS[0]}:{DNS[1]}"
    )
    locations = {"without": (SERVICE, 443), "edge": ("127.0.0.1", PORTS[1])}
    with own_network(), contextlib.ExitStack() as left:
        left.callback(shutil.rmtree, folder)
        for address in (CLOUDFLARE, SERVICE, DNS[0], POD):
            add_address(address)
        trust = left.enter_context(_controller(folder))
        left.enter_context(cluster_dns(SERVICE, DNS))
        edge_proxy = left.enter_context(Edge(config))
        wait_until(edge_proxy.ready)
        clients = {name: _Client(location, trust) for name, location in locations.items()}
        measured: dict[str, list[tuple[float, float, float]]] = {name: [] for name in locations}
        for _ in range(ROUNDS + 1):
            for name, client in clients.items():
                measured[name].append((_latency(client), _throughput(client, "/paced"), _throughput(client, "/large")))
        for client in clients.values():
            client.close()
    latency, paced, large = (
        {name: statistics.median(run[column] for run in runs[1:]) for name, runs in measured.items()}
        for column in (0, 1, 2)
    )
    print(f"edge: median of a request {latency['without']:.3f} -> {latency['edge']:.3f} ms, ", end="")
    print(f"added {latency['edge'] - latency['without']:.3f} ms")
    for name, found in (("from a server with one gigabit per second", paced), ("as fast as two cores can", large)):
        print(f"edge: throughput {name}: {found['without']:.0f} -> {found['edge']:.0f} MiB/s, ", end="")
        print(f"{found['edge'] / found['without']:.2f}x")


def traffic() -> None:
    """Measure both."""
    reachability()
    edge()


if __name__ == "__main__":
    traffic()
