"""Measures devnet with real pods: from nothing to a green `gx verify`, and the memory of everything that runs."""

import time

import psutil

from devcluster.node.cgroups import memory_bytes, processes
from tests.pods.devnet import devnet, until


def pods() -> None:
    """Print seconds of a first `up`, of one after a stop, and memory at the end; images are built already."""
    with devnet() as network:
        began = time.perf_counter()
        network.up()
        up = time.perf_counter() - began
        until(lambda: not _failed(network.verify()), 60)
        green = time.perf_counter() - began
        network.down()
        began = time.perf_counter()
        network.up()
        again = time.perf_counter() - began
        supervisor = network.folder.supervisor()
        assert supervisor is not None
        inside = set(processes())
        control = [p for p in supervisor.children(recursive=True) if p.pid not in inside]
        outside = sum(process.memory_info().rss for process in [supervisor, *control] if process.is_running())
        print(f"\n{'devnet with real pods':52}{'seconds':>9}{'ratio':>8}")
        print(f"{'gx local up --pods after a stop, every pod ready':52}{again:9.1f}{1:8.2f}")
        print(f"{'gx local up --pods from nothing, every pod ready':52}{up:9.1f}{up / again:8.2f}")
        print(f"{'the same until gx verify is green':52}{green:9.1f}{green / again:8.2f}")
        node = memory_bytes() / 2**30
        print(f"memory: node {node:.2f} GiB, control plane {outside / 2**30:.2f} GiB; {psutil.cpu_count()} cores")


def _failed(said: dict[str, object]) -> bool:
    return bool(said.get("failed"))
