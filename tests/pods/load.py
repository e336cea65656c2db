"""People who use the network while something happens to it: requests, uploads and open sockets."""

import asyncio
import importlib
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.pods.devnet import Devnet, Person, log_in

socketio: Any = importlib.import_module("socketio")  # it has no types
ASKING, SOCKETS = 8, 10
PAUSE_SECONDS = 0.02
BEFORE_SECONDS = AFTER_SECONDS = 2.0
RECONNECT_SECONDS = 30
SMALL = b"x" * 20_000


@dataclass
class Seen:
    """What they saw.

    Attributes:
        requests: Requests that were answered or failed.
        uploads: The same for files.
        failed: How many were not answered as they should.
        longest_gap: Seconds between two good answers, at most.
        sockets: How many sockets were opened.
        sockets_open: How many were open at the end.
        reconnects: How often one was opened again.
        reasons: Failures by what was said.
    """

    requests: int = 0
    uploads: int = 0
    failed: int = 0
    longest_gap: float = 0
    sockets: int = SOCKETS
    sockets_open: int = 0
    reconnects: int = 0
    reasons: Counter[str] = field(default_factory=Counter[str])


def under_load(devnet: Devnet, happen: Callable[[], object], *, uploads: bool = False) -> Seen:
    """Let something happen while people use the network; return what they saw."""
    return asyncio.run(_Load(devnet, uploads=uploads).run(happen))


class _Load:
    def __init__(self, devnet: Devnet, *, uploads: bool) -> None:
        self._devnet = devnet
        self._uploads = uploads
        self._seen = Seen()
        self._stop = asyncio.Event()
        self._last_good = time.monotonic()
        self._person: Person = log_in(devnet, "alice.johnson")

    async def run(self, happen: Callable[[], object]) -> Seen:
        async with self._devnet.session() as http:
            conversation = await self._conversation(http)
            sockets = [await self._socket() for _ in range(SOCKETS)]
            self._last_good = time.monotonic()
            work = [asyncio.create_task(self._ask(http)) for _ in range(ASKING)]
            if self._uploads:
                work.append(asyncio.create_task(self._upload(http, conversation)))
            await asyncio.sleep(BEFORE_SECONDS)
            await asyncio.to_thread(happen)
            await asyncio.sleep(AFTER_SECONDS)
            self._stop.set()
            await asyncio.gather(*work)
            await self._reconnected(sockets)
            for client, session in sockets:
                with suppress(Exception):
                    await client.disconnect()
                await session.close()
        await asyncio.sleep(0.3)  # closed transports say so in the next turns of the loop
        return self._seen

    async def _conversation(self, http: aiohttp.ClientSession) -> str:
        bob = await asyncio.to_thread(log_in, self._devnet, "bob.williams")
        body = {"participantIds": [bob.profile]}
        async with http.post("/api/v1/conversations", json=body, headers=self._person.headers) as answer:
            return str((await answer.json())["data"]["conversationId"])

    async def _socket(self) -> tuple[Any, aiohttp.ClientSession]:
        """Open a socket as the wallet does: by polling, upgraded, opened again when it is lost."""
        session = self._devnet.session()
        client: Any = socketio.AsyncClient(http_session=session, reconnection_delay=0.5, reconnection_delay_max=2)
        connected = 0

        async def opened() -> None:
            nonlocal connected
            connected += 1
            self._seen.reconnects += connected > 1

        client.on("connect", opened)
        await client.connect(
            "https://devnet.gxcoin.money", auth={"token": self._person.token}, transports=["polling", "websocket"]
        )
        return client, session

    async def _reconnected(self, sockets: list[tuple[Any, aiohttp.ClientSession]]) -> None:
        deadline = time.monotonic() + RECONNECT_SECONDS
        while True:
            self._seen.sockets_open = sum(bool(client.connected) for client, _ in sockets)
            if self._seen.sockets_open == SOCKETS or time.monotonic() > deadline:
                return
            await asyncio.sleep(0.2)

    async def _ask(self, http: aiohttp.ClientSession) -> None:
        while not self._stop.is_set():
            self._seen.requests += 1
            with self._noted():
                async with http.get("/api/v1/conversations", headers=self._person.headers) as answer:
                    self._judge(answer.status == 200, f"GET {answer.status}")
            await asyncio.sleep(PAUSE_SECONDS)

    async def _upload(self, http: aiohttp.ClientSession, conversation: str) -> None:
        while not self._stop.is_set():
            self._seen.uploads += 1
            form = aiohttp.FormData()
            form.add_field("file", SMALL, filename="note.txt")
            url = f"/api/v1/files/conversations/{conversation}"
            with self._noted():
                async with http.post(url, data=form, headers=self._person.headers) as answer:
                    self._judge(answer.status == 201, f"upload {answer.status}")
            await asyncio.sleep(0.1)

    @contextmanager
    def _noted(self) -> Generator[None]:
        """Count a connection that breaks as a failed request."""
        try:
            yield
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._judge(good=False, what=type(error).__name__)

    def _judge(self, good: bool, what: str) -> None:
        now = time.monotonic()
        if good:
            self._seen.longest_gap = max(self._seen.longest_gap, now - self._last_good)
            self._last_good = now
        else:
            self._seen.failed += 1
            self._seen.reasons[what] += 1
