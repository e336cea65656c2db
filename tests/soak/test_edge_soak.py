"""The edge over minutes: ten thousand sockets at once, and one that is silent for ten minutes."""

import asyncio
import dataclasses
import re
import resource
import shutil
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from settings.offline import offline_settings
from tests.conftest import tool
from tests.helpers.edge import planned_edge
from tests.helpers.network import add_address, own_network
from tests.traffic.edge import Edge, cluster_dns, scratch, wait_until

SOURCES = [f"173.245.48.{number}" for number in range(10, 20)]
SERVICE, DNS = "10.43.9.9", ("10.43.0.10", 5353)
HTTPS = 18443
SOCKETS, SILENCE = 10_000, 600


@pytest.fixture
def edge() -> Iterator[Edge]:
    """Run the edge with mainnet's configuration in a network namespace of its own."""
    tool("haproxy", "haproxy")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = scratch()
    with own_network():
        for address in (*SOURCES, SERVICE, DNS[0]):
            add_address(address)
        config = dataclasses.replace(
            planned_edge(offline_settings("mainnet")),
            listen=(18080, HTTPS, 18404),
            folder=str(folder),
            resolver=f"{DNS[0]}:{DNS[1]}",
        )
        with cluster_dns(SERVICE, DNS), Edge(config) as running:
            yield running
    shutil.rmtree(folder)


def possible() -> int:
    """Return how many sockets HAProxy holds with the file descriptors that this machine allows."""
    metrics = httpx.get("http://127.0.0.1:18404/metrics").text
    found = re.search(r"^haproxy_process_max_connections (\S+)$", metrics, re.MULTILINE)
    assert found is not None
    return min(SOCKETS, int(float(found[1])) - 10)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while word := await reader.read(100):
        writer.write(word)
        await writer.drain()
    writer.close()


Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _open(number: int) -> Pair:
    return await asyncio.open_connection("127.0.0.1", HTTPS, local_addr=(SOURCES[number % len(SOURCES)], 0))


async def _say(pair: Pair, word: bytes) -> bytes:
    pair[1].write(word)
    return await asyncio.wait_for(pair[0].readexactly(len(word)), 30)


async def _many(edge: Edge) -> None:
    server = await asyncio.start_server(_echo, SERVICE, 443, backlog=4096)
    await asyncio.to_thread(wait_until, edge.ready)
    silent = await _open(0)
    assert await _say(silent, b"first") == b"first"
    began = time.monotonic()
    pairs: list[Pair] = []
    count = await asyncio.to_thread(possible)
    while len(pairs) < count:
        more = range(len(pairs), min(count, len(pairs) + 500))
        pairs += await asyncio.gather(*(_open(number) for number in more))
    opened = time.monotonic() - began
    for round_number in range(3):
        word = f"round {round_number}".encode()
        answers = await asyncio.gather(*(_say(pair, word) for pair in pairs))
        assert answers == [word] * count, "no socket was lost"
        await asyncio.sleep(20)
    workers = [child for child in psutil.process_iter(["name"]) if child.info["name"] == "haproxy"]
    memory = max(worker.memory_info().rss for worker in workers) / 2**20
    print(f"\n{count} sockets: opened in {opened:.1f} s, HAProxy {memory:.0f} MiB")
    for _, writer in pairs:
        writer.close()
    await asyncio.sleep(max(0.0, SILENCE - (time.monotonic() - began)))
    assert await _say(silent, b"second") == b"second"
    print(f"one socket: silent for {time.monotonic() - began:.0f} s and still there")
    silent[1].close()
    server.close()
    await asyncio.sleep(3)  # whatever was closed says so in the next turns of the loop


@pytest.mark.soak
def test_ten_thousand_sockets_and_ten_silent_minutes(edge: Edge) -> None:
    asyncio.run(_many(edge))
