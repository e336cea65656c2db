"""From Cloudflare's address through the edge and a real Traefik to the right port of the right pod.

The engine has made the networks; the cluster's own controllers have found the endpoints; the pods' ports answer.
"""

import asyncio
import json
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

import aiohttp
import httpx
import pytest
import socketio  # pyright: ignore[reportMissingTypeStubs]
from aiohttp.abc import AbstractResolver, ResolveResult

from settings.routes import QSEND, api_routes, wallet_routes
from tests.traffic.edge import ask
from tests.traffic.world import CLOUDFLARE, HTTPS, NODE, STRANGER, World, world

SILENCE = 65
"""Longer than the minute after which HAProxy and Traefik drop what nobody has spoken on."""


@pytest.fixture(scope="module")
def there() -> Iterator[World]:
    """Return two networks behind one edge."""
    with world() as found:
        yield found


class _Node(AbstractResolver):
    """Every public name leads to one node, as the DNS records say."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=NODE, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""


def session(trust: ssl.SSLContext) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(resolver=_Node(), ssl=trust, local_addr=(CLOUDFLARE, 0), force_close=True)
    return aiohttp.ClientSession(connector=connector)


@pytest.fixture(scope="module")
def silent(there: World) -> Iterator[Callable[[], str]]:
    """Open a WebSocket now, say one word, and be silent until the last test asks for it."""
    host = there.settings("mainnet").network.api_host
    loop = asyncio.new_event_loop()
    http, socket = loop.run_until_complete(_connect(there.trust, f"https://{host}:{HTTPS}/api/v1/messages/silence"))
    assert loop.run_until_complete(_say(socket, "first")) == "svc-messaging: first"
    opened = time.monotonic()

    def later() -> str:
        time.sleep(max(0.0, SILENCE - (time.monotonic() - opened)))
        return loop.run_until_complete(_say(socket, "second"))

    yield later
    loop.run_until_complete(_close(socket, http))
    loop.close()


async def _connect(trust: ssl.SSLContext, url: str) -> tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]:
    http = session(trust)
    return http, await http.ws_connect(url)


async def _say(socket: aiohttp.ClientWebSocketResponse, word: str) -> str:
    await socket.send_str(word)
    return await socket.receive_str(timeout=10)


async def _close(socket: aiohttp.ClientWebSocketResponse, http: aiohttp.ClientSession) -> None:
    await socket.close()
    await http.close()
    await asyncio.sleep(0.3)


@pytest.mark.parametrize("network", ["mainnet", "devnet"])
def test_every_route_reaches_the_right_port_of_the_right_pod(there: World, silent: object, network: str) -> None:
    assert silent
    settings = there.settings(network)
    pods = {
        pod["status"]["podIP"]: pod["metadata"]["labels"]["app"]
        for pod in there.stacks[network].api.list_objects("v1", "Pod", settings.network.namespace)
        if "podIP" in pod["status"] and "app" in pod["metadata"]["labels"]
    }
    asked = [(settings.network.api_host, *entry) for entry in api_routes(settings)]
    asked += [(settings.network.wallet_host, *entry) for entry in wallet_routes(settings)]
    assert len(asked) >= 29
    for host, workload, route in asked:
        for path in [route.path] if route.exact or route.path == "/" else [route.path, f"{route.path}/some/thing"]:
            if path.startswith("/socket.io"):
                continue  # it speaks a protocol of its own, below
            answer = there.get(host, path)
            assert answer.status_code == 200, f"{host}{path}: {answer.status_code}"
            found = answer.json()
            assert (found["name"], found["port"], found["path"]) == (workload.name, workload.http_port, path)
            assert pods[found["address"]] == workload.name, "a pod of this network"


def test_a_path_or_host_that_nobody_serves_is_not_found(there: World) -> None:
    api = there.settings("mainnet").network.api_host
    for path in ("/", "/api/v1/unknown", "/api/v1/authors", "/healthy", "/metrics"):
        assert there.get(api, path).status_code == 404, path
    assert there.get(api, QSEND.path).status_code == 404, "off until the outbox can pay"
    devnet = there.settings("devnet").network.api_host
    assert there.get(devnet, QSEND.path).json()["name"] == "svc-identity"
    stranger = there.get(api, "/health", headers={"Host": "unknown.gxcoin.money"})
    assert stranger.status_code == 404


def test_plain_http_is_redirected_where_the_network_says_so(there: World) -> None:
    for network, expected in (("mainnet", 308), ("devnet", 200)):
        host = there.settings(network).network.wallet_host
        transport = httpx.HTTPTransport(local_address=CLOUDFLARE)
        with httpx.Client(transport=transport) as client:
            answer = client.get(f"http://{NODE}:18080/", headers={"Host": host})
        assert answer.status_code == expected, network
        if network == "mainnet":
            assert answer.headers["location"].startswith("https://wallet.gxcoin.money")


async def _reconnect(there: World, times: int) -> Counter[str]:
    """Connect by polling, upgrade to a WebSocket, ask who answers, and leave, again and again."""
    found: Counter[str] = Counter()
    url = f"https://{there.settings('mainnet').network.api_host}:{HTTPS}"
    for _ in range(times):
        http = session(there.trust)
        client: Any = socketio.AsyncClient(http_session=http, reconnection=False)
        try:
            await client.connect(url, transports=["polling", "websocket"], wait_timeout=10)
            who = await client.call("who_are_you", timeout=10)
            found[f"{client.transport()} {who['address']}"] += 1
            await client.disconnect()
        finally:
            await http.close()
    await asyncio.sleep(0.3)  # closed transports say so in the next turns of the loop
    return found


def test_a_hundred_reconnects_over_two_replicas_keep_their_session(there: World) -> None:
    found = asyncio.run(_reconnect(there, 100))
    assert sum(found.values()) == 100
    assert len(found) == 2, found
    assert all(name.startswith("websocket 10.42.") for name in found), found


def test_without_the_cookie_sessions_are_lost(there: World) -> None:
    """The test before can fail: this is what two replicas without stickiness do."""
    host = there.settings("mainnet").network.api_host
    polling = "/socket.io/?EIO=4&transport=polling"
    answers: list[int] = []
    for _ in range(10):
        opened = there.get(host, polling).text
        identifier = json.loads(opened.removeprefix("0"))["sid"]
        answers.append(there.request("POST", host, f"{polling}&sid={identifier}", content="40").status_code)
    assert 400 in answers, "the other replica does not know the session"


def test_requests_to_other_services_do_not_move_a_session(there: World) -> None:
    """svc-identity has three replicas: its answers must not put its own cookie in the place of the sockets'."""
    host = there.settings("mainnet").network.api_host
    polling = "/socket.io/?EIO=4&transport=polling"
    for _ in range(10):
        opened = there.get(host, polling)
        identifier = json.loads(opened.text.removeprefix("0"))["sid"]
        cookies = dict(opened.cookies)
        for path in ("/api/v1/auth", "/api/v1/transfers", "/api/v1/messages"):
            cookies |= dict(there.get(host, path, headers=_cookie(cookies)).cookies)
        answer = there.request("POST", host, f"{polling}&sid={identifier}", content="40", headers=_cookie(cookies))
        assert answer.status_code == 200, answer.text


def _cookie(cookies: dict[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://wallet.gxcoin.money", True), ("https://evil.example", False)]
)
def test_preflight_knows_the_apps_origins_only(there: World, origin: str, allowed: bool) -> None:
    answer = there.request(
        "OPTIONS",
        there.settings("mainnet").network.api_host,
        "/api/v1/messages",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "Authorization",
        },
    )
    assert (answer.headers.get("access-control-allow-origin") == origin) == allowed
    if allowed:
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert "Authorization" in answer.headers["access-control-allow-headers"]


def test_a_voice_upload_of_thirty_megabytes_arrives_whole(there: World) -> None:
    body = b"\x00\x01" * (15 * 2**20)
    host = there.settings("mainnet").network.api_host
    answer = there.request("POST", host, "/api/v1/files/conversations/1", content=body)
    assert answer.status_code == 200
    assert answer.json()["received"] == len(body)


FORGED = {"X-Forwarded-For": "192.0.2.66", "CF-Connecting-IP": "192.0.2.66", "X-Real-Ip": "192.0.2.66"}


def test_a_forged_address_does_not_get_through_from_outside_cloudflare(there: World) -> None:
    host = there.settings("mainnet").network.api_host
    with pytest.raises(ConnectionResetError):
        ask(HTTPS, STRANGER, address=NODE)
    around = there.get(host, "/health", source=STRANGER, side="controller", headers=FORGED)
    assert around.status_code == 403, "past the edge, straight to the controller"
    assert "192.0.2.66" not in around.text


def test_the_clients_address_arrives_from_cloudflare(there: World) -> None:
    told = {"CF-Connecting-IP": "192.0.2.1", "X-Forwarded-For": "192.0.2.1"}
    host = there.settings("mainnet").network.api_host
    headers = cast("dict[str, str]", there.get(host, "/health", headers=told).json()["headers"])
    assert headers["cf-connecting-ip"] == "192.0.2.1"
    assert headers["x-forwarded-for"].split(", ")[0] == "192.0.2.1"
    assert headers["x-forwarded-proto"] == "https"


def test_a_node_answers_for_tls_with_the_hosts_own_certificate(there: World) -> None:
    for network in ("mainnet", "devnet"):
        names = there.settings(network).network
        for host in {names.api_host, names.wallet_host}:
            with (
                socket.create_connection((NODE, HTTPS), timeout=5, source_address=(CLOUDFLARE, 0)) as plain,
                there.trust.wrap_socket(plain, server_hostname=host) as secure,
            ):
                certificate = secure.getpeercert()
            assert certificate is not None
            assert ("DNS", host) in cast("tuple[Any, ...]", certificate["subjectAltName"])


@pytest.mark.soak
def test_a_silent_websocket_is_still_there_after_more_than_a_minute(silent: Callable[[], str]) -> None:
    assert silent() == "svc-messaging: second"
