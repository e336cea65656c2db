"""A network's public face as the facts describe it: ASGI, python-socketio, TLS. It can be told to break any part."""

import asyncio
import importlib
import json
import re
import ssl
import threading
import uuid
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import uvicorn

from gx.verify.endpoints import GUARDED, OPEN
from settings.settings import Settings
from tests.helpers.network import free_port
from tests.verify.authority import Authority

socketio: Any = importlib.import_module("socketio")  # it has no types
Send = Callable[[dict[str, Any]], Awaitable[None]]
Reply = tuple[int, dict[str, str], bytes]
PASSWORD = "password-of-the-fake"
HUGE = 10 * 2**30
PAGE = '<html><script src="/_next/static/chunks/main.js"></script></html>'


@dataclass
class FakeNetwork:
    """What the network says, and which parts are broken.

    Attributes:
        settings: The network.
        broken: Names of faults, each looked at where it belongs.
        faults: Faults of whole paths, by path: html, huge, loop, slow, drop, or a status.
        delay: Seconds before every answer.
        asked: Every request: method and path.
    """

    settings: Settings
    broken: set[str] = field(default_factory=set[str])
    faults: dict[str, str] = field(default_factory=dict[str, str])
    delay: float = 0
    asked: list[str] = field(default_factory=list[str])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    requests: dict[str, str] = field(default_factory=dict[str, str])
    port: int = 0

    def fix(self) -> None:
        """Let everything work again."""
        self.broken.clear()
        self.faults.clear()
        self.delay = 0
        self.asked.clear()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        """Answer one request, as ASGI asks for it."""
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        path, method = scope["path"], scope["method"]
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.asked.append(f"{method} {path}")
        await asyncio.sleep(self.delay)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        if path in self.faults:
            await self._broken(self.faults[path], path, receive, send)
            return
        query = {key: values[0] for key, values in parse_qs(scope["query_string"].decode()).items()}
        status, more, answer = self._answer(method, path, query, headers, body)
        await _respond(send, status, {"content-type": "application/json", **more}, answer)

    async def _broken(self, fault: str, path: str, receive: Any, send: Send) -> None:
        if fault == "html":
            await _respond(send, 200, {"content-type": "text/html"}, b"<html>Welcome</html>")
        elif fault == "loop":
            await _respond(send, 302, {"location": path}, b"")
        elif fault == "slow":
            await asyncio.sleep(60)
        elif fault == "huge":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            part, left = b"x" * 2**20, asyncio.ensure_future(receive())
            for _ in range(HUGE // len(part)):
                await send({"type": "http.response.body", "body": part, "more_body": True})
                await asyncio.sleep(0)  # to nobody nothing waits: the next test's requests would
                if left.done():
                    return
        elif fault == "drop":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
            await send({"type": "http.response.body", "body": b"half of"})
        else:
            await _respond(send, int(fault), {}, b"{}")

    def _answer(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Reply:
        api = path.removeprefix("/api/v1/")
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if path == "/health":
            return _json(200, {"status": "healthy" if "other service" in self.broken else "ok"})
        if not path.startswith("/api/v1/"):
            return self._wallet(path)
        if api == "auth/login" or (method == "GET" and api in OPEN):
            return self._log_in(json.loads(body)) if body else _json(200, {})
        if not token:
            guarded = api in GUARDED and "unguarded" not in self.broken
            return _json(401 if guarded else 200, {})
        if api.startswith("qsend"):
            return self._qsend(method, api, token, body)
        return self._messaging(method, api, query, headers, body)

    def _wallet(self, path: str) -> Reply:
        network = self.settings.network
        page = {"content-type": "text/html"}
        if path in {"/", "/login"}:
            return 200, page, b"<html></html>" if "no scripts" in self.broken else PAGE.encode()
        if path == "/messages":
            target = (
                "https://login.example.com/" if "foreign login" in self.broken else "/login?callbackUrl=%2Fmessages"
            )
            return 307, {"location": target}, b""
        if path == "/api/auth/providers":
            host = "http://localhost:3000" if "localhost in NextAuth" in self.broken else network.wallet_url
            urls = dict.fromkeys(("signinUrl", "callbackUrl"), f"{host}/api/auth/x")
            return _json(200, {} if "no provider" in self.broken else {"credentials": urls})
        if path == "/_next/static/chunks/main.js":
            called = {
                "scripts of mainnet": "https://api.gxcoin.money",
                "scripts of a developer": "http://localhost:3001",
                "scripts without the API": "https://fonts.example.com",
            }
            url = next((text for fault, text in called.items() if fault in self.broken), network.api_url)
            return 200, {"content-type": "text/javascript"}, f'const a="{url}";const w="wss://x.example.com"'.encode()
        return _json(404, {})

    def _log_in(self, body: dict[str, str]) -> Reply:
        if body["password"] != PASSWORD or "password changed" in self.broken:
            return _json(401, {"error": "Invalid credentials"})
        who = body["email"]
        if "no token" in self.broken:
            return _json(200, {"user": {"profileId": who}})
        return _json(200, {"accessToken": who, "refreshToken": "x", "user": {"profileId": who}})

    def _messaging(self, method: str, api: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Reply:
        if api == "conversations" and method == "POST":
            return self._conversation(json.loads(body))
        if api == "conversations":
            rows = [] if "not listed" in self.broken else [{"conversationId": "c1"}]
            return _json(200, {"data": rows, "pagination": {}})
        if api.startswith("messages/conversations/"):
            status = "FAILED" if "not sent" in self.broken else "SENT"
            return _json(201, {"data": {"messageId": "m1", "status": status}})
        if api.startswith("files/conversations/"):
            key = f"files/c1/{uuid.uuid4().hex}.txt"
            self.files[key] = _uploaded(headers, body)
            return _json(201, {"data": {} if "no storage" in self.broken else {"fileStorageKey": key}})
        if api == "files/download":
            content = self.files[query["storageKey"]]
            return 200, {"content-type": "text/plain"}, content[:5] if "damaged file" in self.broken else content
        return _json(404, {})

    def _conversation(self, body: dict[str, Any]) -> Reply:
        if "alias refused" in self.broken and "participantProfileIds" in body:
            return _json(500, {})
        second = "two conversations" in self.broken and "participantProfileIds" in body
        return _json(201, {"success": True, "data": {"conversationId": "c2" if second else "c1"}})

    def _qsend(self, method: str, api: str, token: str, body: bytes) -> Reply:
        if method == "POST" and api == "qsend":
            code = f"QS-{uuid.uuid4().hex[:8].upper()}"
            self.requests[code] = f"ACTIVE by {token}"
            return _json(201, {"requestCode": code, "status": "ACTIVE", **({"x": body.decode()} if body else {})})
        code = api.split("/")[1]
        if api.endswith("/pay"):
            if "cannot pay" in self.broken:
                return _json(400, {"error": "wallet is empty"})
            self.requests[code] = "ACTIVE" if "stays unpaid" in self.broken else "PAID"
            return _json(202, {"status": "pending", "commandId": "k1"})
        if api.endswith("/cancel"):
            self.requests[code] = "CANCELLED"
            return _json(500 if "cannot cancel" in self.broken else 200, {})
        return _json(200, {"status": self.requests[code], "payerName": "Robert"})


def _json(status: int, body: object) -> Reply:
    return status, {}, json.dumps(body).encode()


def _uploaded(headers: dict[str, str], body: bytes) -> bytes:
    """Return the part `file` of a form."""
    boundary = headers["content-type"].split("boundary=")[1].encode()
    part = next(part for part in body.split(b"--" + boundary) if b'name="file"' in part)
    return re.split(rb"\r\n\r\n", part, maxsplit=1)[1].removesuffix(b"\r\n")


async def _respond(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    listed = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": body})


STICKY = b"gx-route=replica-1"


def _with_cookie(send: Send) -> Send:
    async def sending(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"set-cookie", STICKY + b"; Path=/; Secure; HttpOnly")]
        await send(message)

    return sending


class Sockets:
    """Socket.IO in front of the fake; it can be told to lose its stickiness or its WebSockets."""

    def __init__(self, fake: FakeNetwork) -> None:
        self._fake = fake
        self._apps = {
            upgrades: socketio.ASGIApp(socketio.AsyncServer(async_mode="asgi", allow_upgrades=upgrades))
            for upgrades in (True, False)
        }

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request, as ASGI asks for it."""
        broken, path = self._fake.broken, scope.get("path", "")
        if scope["type"] == "websocket" and broken & {"no WebSocket", "other replica"}:
            await receive()
            await send({"type": "websocket.close"})
            return
        if "sticky by cookie" in broken and path.startswith("/socket.io"):
            sent = dict(scope["headers"]).get(b"cookie", b"")
            if scope["type"] == "websocket" and STICKY not in sent:
                await receive()
                await send({"type": "websocket.close"})
                return
            send = _with_cookie(send)
        if path.startswith("/socket.io") and path not in self._fake.faults and "no Socket.IO" not in broken:
            await asyncio.sleep(self._fake.delay)
            await self._apps["no upgrade" not in broken](scope, receive, send)
            return
        await self._fake(scope, receive, send)


@contextmanager
def serving(settings: Settings, authority: Authority, folder: Path, **certificate: Any) -> Generator[FakeNetwork]:
    """Run a fake for a network with a certificate for its hosts."""
    network = settings.network
    fake = FakeNetwork(settings, port=free_port())
    hosts = certificate.pop("hosts", (network.wallet_host, network.api_host))
    chain, key = authority.issue(folder, hosts, **certificate)
    config = uvicorn.Config(
        Sockets(fake),
        host="127.0.0.1",
        port=fake.port,
        ssl_certfile=str(chain),
        ssl_keyfile=str(key),
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
        log_level="critical",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    try:
        yield fake
    finally:
        server.should_exit = True
        thread.join()
