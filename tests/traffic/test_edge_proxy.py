"""The edge with a real HAProxy, in a network namespace that has production's addresses."""

import dataclasses
import ipaddress
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from components.edge_proxy import EdgeConfig
from settings.monitoring.metrics import METRICS
from settings.offline import offline_settings
from tests.conftest import tool
from tests.helpers.edge import planned_edge
from tests.helpers.network import add_address, outside_is_unreachable, own_network, remove_address
from tests.traffic.edge import HOST, EchoServer, Edge, ask, cluster_dns, connects, scratch, wait_until

CLOUDFLARE, STRANGER, VERIFIER = "173.245.48.7", "203.0.113.9", "198.51.100.20"
SERVICE, OTHER_SERVICE = "10.43.9.9", "10.43.9.10"
DNS = ("10.43.0.10", 5353)
HTTP, HTTPS, STATUS = 18080, 18443, 18404


@pytest.fixture(scope="module", autouse=True)
def world() -> Iterator[None]:
    """Give a namespace the addresses of clients, of the controller's Service and of the DNS server."""
    tool("haproxy", "haproxy")
    tool("ip", "iproute2")
    with own_network():
        assert outside_is_unreachable()
        for address in (CLOUDFLARE, STRANGER, VERIFIER, SERVICE, OTHER_SERVICE, DNS[0]):
            add_address(address)
        yield


@pytest.fixture
def config() -> Iterator[EdgeConfig]:
    """Return mainnet's configuration, with ports and a folder of this test's own."""
    folder = scratch()
    wanted = planned_edge(offline_settings("mainnet"))
    assert wanted.host == HOST
    yield dataclasses.replace(
        wanted,
        listen=(HTTP, HTTPS, STATUS),
        folder=str(folder),
        resolver=f"{DNS[0]}:{DNS[1]}",
        sources=[*wanted.sources, f"{VERIFIER}/32"],
    )
    shutil.rmtree(folder)


def test_cloudflare_gets_through_and_a_stranger_gets_a_reset(config: EdgeConfig) -> None:
    with cluster_dns(SERVICE, DNS), EchoServer(SERVICE, 443), EchoServer(SERVICE, 80, "plain"), Edge(config) as edge:
        wait_until(edge.ready)
        assert ask(HTTPS, CLOUDFLARE) == b"one:hello"
        assert ask(HTTP, CLOUDFLARE) == b"plain:hello"
        assert ask(HTTPS, VERIFIER) == b"one:hello", "the allow list"
        for port in (HTTP, HTTPS):
            with pytest.raises(ConnectionResetError):
                ask(port, STRANGER)


def test_every_published_range_is_admitted_and_its_neighbours_are_not(config: EdgeConfig) -> None:
    with cluster_dns(SERVICE, DNS), EchoServer(SERVICE, 443), Edge(config) as edge:
        wait_until(edge.ready)
        for text in config.sources:
            network = ipaddress.IPv4Network(text)
            for address, inside in ((network[-1], True), (network[0] - 1, False)):
                expected = inside or any(address in ipaddress.IPv4Network(other) for other in config.sources)
                add_address(str(address))
                try:
                    got = ask(HTTPS, str(address)) == b"one:hello"
                except ConnectionResetError:
                    got = False
                assert got == expected, address
                if str(address) not in {CLOUDFLARE, STRANGER, VERIFIER}:
                    remove_address(str(address))


def test_a_controller_that_moves_changes_nothing(config: EdgeConfig) -> None:
    """Incident 13: the pod dies and comes back elsewhere; the Service's address is the same."""
    with cluster_dns(SERVICE, DNS), Edge(config) as edge:
        with EchoServer(SERVICE, 443, "first"):
            wait_until(edge.ready)
            assert ask(HTTPS, CLOUDFLARE) == b"first:hello"
        wait_until(lambda: not edge.ready())
        with EchoServer(SERVICE, 443, "second"):
            wait_until(edge.ready)
            answers = [ask(HTTPS, CLOUDFLARE) for _ in range(200)]
        assert answers == [b"second:hello"] * 200


def test_a_service_that_was_made_anew_is_followed(config: EdgeConfig) -> None:
    with cluster_dns(SERVICE, DNS) as answers, EchoServer(SERVICE, 443, "old"), Edge(config) as edge:
        wait_until(edge.ready)
        with EchoServer(OTHER_SERVICE, 443, "new"):
            answers.address = OTHER_SERVICE
            wait_until(lambda: ask(HTTPS, CLOUDFLARE) == b"new:hello", 30)


def test_it_says_what_alerts_and_panels_read(config: EdgeConfig) -> None:
    exported = {name for name, series in METRICS.items() if series.exporter == "haproxy"}
    with cluster_dns(SERVICE, DNS), EchoServer(SERVICE, 443), Edge(config) as edge:
        wait_until(edge.ready)
        ask(HTTPS, CLOUDFLARE)
        text = httpx.get(f"http://127.0.0.1:{STATUS}/metrics").raise_for_status().text
        assert exported
        for name in exported:
            assert re.search(rf'^{name}{{proxy="https"[^}}]*}} \d', text, re.MULTILINE), name


def test_it_starts_while_dns_is_down_and_serves_as_soon_as_it_answers(config: EdgeConfig) -> None:
    with EchoServer(SERVICE, 443), Edge(config) as edge:
        assert httpx.get(f"http://127.0.0.1:{STATUS}/livez").status_code == 200
        assert not edge.ready()
        assert edge.running
        with cluster_dns(SERVICE, DNS):
            wait_until(edge.ready)
            assert ask(HTTPS, CLOUDFLARE) == b"one:hello"


def test_with_the_services_address_it_serves_although_dns_is_down(config: EdgeConfig) -> None:
    with EchoServer(SERVICE, 443), Edge(dataclasses.replace(config, address=SERVICE)) as edge:
        wait_until(edge.ready)
        assert ask(HTTPS, CLOUDFLARE) == b"one:hello"


def test_an_outage_of_dns_does_not_stop_a_proxy_that_runs(config: EdgeConfig) -> None:
    with EchoServer(SERVICE, 443), Edge(config) as edge:
        with cluster_dns(SERVICE, DNS):
            wait_until(edge.ready)
        time.sleep(35)  # longer than HAProxy keeps an answer by default
        assert edge.ready()
        assert ask(HTTPS, CLOUDFLARE) == b"one:hello"


def test_a_reload_under_load_loses_no_connection(config: EdgeConfig) -> None:
    """Long connections stay on the old worker, new ones are taken all the time."""
    with cluster_dns(SERVICE, DNS), EchoServer(SERVICE, 443), Edge(config) as edge:
        wait_until(edge.ready)
        held = [
            socket.create_connection(("127.0.0.1", HTTPS), timeout=5, source_address=(CLOUDFLARE, 0)) for _ in range(50)
        ]
        stop, failures, done = threading.Event(), list[str](), list[int]()

        def load() -> None:
            while not stop.is_set():
                try:
                    assert ask(HTTPS, CLOUDFLARE) == b"one:hello"
                    done.append(1)
                except (OSError, AssertionError) as error:
                    failures.append(repr(error))

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(3):
            edge.config = dataclasses.replace(edge.config, per_source=edge.config.per_source + 1)
            edge.write()
            wait_until(lambda wanted=number + 1: edge.log().count("reloading") == wanted)
            time.sleep(0.7)
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(done) > 100
        for connection in held:
            connection.sendall(b"still")
            assert connection.recv(100) == b"one:still"
            connection.close()


def test_a_broken_file_changes_nothing(config: EdgeConfig) -> None:
    with cluster_dns(SERVICE, DNS), EchoServer(SERVICE, 443), Edge(config) as edge:
        wait_until(edge.ready)
        (edge.folder / "haproxy.cfg").write_text("frontend broken\n    bind nowhere\n")
        wait_until(lambda: "the changed files are refused" in edge.log())
        assert ask(HTTPS, CLOUDFLARE) == b"one:hello"
        edge.write()
        wait_until(lambda: "reloading" in edge.log())
        assert ask(HTTPS, CLOUDFLARE) == b"one:hello"


def test_one_source_cannot_take_every_connection(config: EdgeConfig) -> None:
    small = dataclasses.replace(config, per_source=5)
    with cluster_dns(SERVICE, DNS), EchoServer(SERVICE, 443), Edge(small) as edge:
        wait_until(edge.ready)
        held = [
            socket.create_connection(("127.0.0.1", HTTPS), timeout=5, source_address=(CLOUDFLARE, 0)) for _ in range(5)
        ]
        for connection in held:
            connection.sendall(b"x")
            assert connection.recv(100) == b"one:x"
        with pytest.raises(ConnectionResetError):
            ask(HTTPS, CLOUDFLARE)
        assert ask(HTTPS, VERIFIER) == b"one:hello", "another source is served"
        for connection in held:
            connection.close()
        wait_until(lambda: _served(CLOUDFLARE))


def _served(source: str) -> bool:
    try:
        return ask(HTTPS, source) == b"one:hello"
    except ConnectionResetError:
        return False


def test_metrics_say_whether_the_controller_answers(config: EdgeConfig) -> None:
    with cluster_dns(SERVICE, DNS), Edge(config) as edge:
        with EchoServer(SERVICE, 443):
            wait_until(edge.ready)
            text = httpx.get(f"http://127.0.0.1:{STATUS}/metrics").text
            assert 'haproxy_backend_active_servers{proxy="https"} 1' in text
        wait_until(lambda: not edge.ready())
        text = httpx.get(f"http://127.0.0.1:{STATUS}/metrics").text
        assert 'haproxy_backend_active_servers{proxy="https"} 0' in text


def test_proxy_protocol_sends_the_clients_address_ahead(config: EdgeConfig) -> None:
    with cluster_dns(SERVICE, DNS), EchoServer(SERVICE, 443) as server:
        with Edge(dataclasses.replace(config, proxy_protocol=True)) as edge:
            wait_until(edge.ready)
            answer = ask(HTTPS, CLOUDFLARE, b"hello")
            assert answer.startswith(f"{server.name}:".encode() + b"\r\n\r\n\x00\r\nQUIT\n")
            assert socket.inet_aton(CLOUDFLARE) in answer
        with Edge(config) as edge:
            wait_until(edge.ready)
            assert ask(HTTPS, CLOUDFLARE) == b"one:hello", "off unless asked for"


def test_it_stops_when_it_is_told_to(config: EdgeConfig) -> None:
    with cluster_dns(SERVICE, DNS), EchoServer(SERVICE, 443), Edge(config) as edge:
        wait_until(edge.ready)
    assert not edge.running
    assert not connects("127.0.0.1", HTTPS)


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_the_script_ends_with_haproxys_own_code(shell: str, tmp_path: Path) -> None:
    (tmp_path / "haproxy.cfg").write_text("nonsense\n")
    (tmp_path / "sources.lst").write_text("")
    done = subprocess.run(
        [shell, "components/edge_proxy/run.sh", str(tmp_path), "0.1"], capture_output=True, check=False, timeout=20
    )
    assert done.returncode == 1
