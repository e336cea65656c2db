"""Socket.IO as a browser opens it: first by polling, then upgraded to a WebSocket (Engine.IO 4)."""

import asyncio
import json
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from gx.verify.model import Cause, CheckFailedError
from gx.verify.outside import Outside
from gx.verify.web import REQUEST_SECONDS

PATH = "/socket.io/?EIO=4&transport="
OPEN, PROBE, PROBED, UPGRADE = "0", "2probe", "3probe", "5"
OK = 200


async def handshake(outside: Outside) -> dict[str, Any]:
    """Return what the server says when a session is opened by polling.

    Raises:
        FailedError: It does not open one.
    """
    answer = (await outside.web.get(f"{outside.settings.network.api_url}{PATH}polling")).expect(OK)
    if not answer.text.startswith(OPEN + "{"):
        raise CheckFailedError(f"{answer.url} opens no session: {answer.text[:60]}")
    try:
        said: dict[str, Any] = json.loads(answer.text[1:].split("\x1e")[0])
    except ValueError:
        raise CheckFailedError(f"{answer.url} opens no session: {answer.text[:60]}") from None
    return said


async def polling(outside: Outside) -> str:
    """Open a session and see that the server offers a WebSocket.

    Raises:
        FailedError: It does not.
    """
    said = await handshake(outside)
    if "websocket" not in said.get("upgrades", []):
        raise CheckFailedError("the server offers no upgrade to WebSocket: every message would be polled for")
    return f"a ping every {said.get('pingInterval', 0) / 1000:g} s"


async def websocket(outside: Outside) -> str:
    """Upgrade a session to a WebSocket, through everything that stands between.

    Raises:
        FailedError: It is not upgraded, or the session is not known where the WebSocket arrives.
    """
    network, web = outside.settings.network, outside.web
    session = str((await handshake(outside)).get("sid", ""))
    # As a browser does: a controller that keeps a session on one replica by a cookie would lose it otherwise.
    cookies = web.cookies(f"{network.api_url}{PATH}polling")
    host, port = web.location(network.api_host, 443)
    url = f"wss://{network.api_host}{PATH}websocket&sid={session}"
    try:
        async with (
            asyncio.timeout(REQUEST_SECONDS),
            connect(
                url,
                host=host,
                port=port,
                ssl=web.context,
                server_hostname=network.api_host,
                additional_headers={"Cookie": cookies} if cookies else {},
                proxy=None,
                max_size=2**20,
            ) as socket,
        ):
            await socket.send(PROBE)
            said = await socket.recv()
            if said != PROBED:
                raise CheckFailedError(f"the WebSocket answers {str(said)[:60]!r} instead of {PROBED!r}")
            await socket.send(UPGRADE)
    except TimeoutError:
        raise CheckFailedError(f"no WebSocket within {REQUEST_SECONDS:g} s", Cause.SILENT) from None
    except WebSocketException as error:
        hint = ": two replicas without stickiness, perhaps" if "400" in str(error) else ""
        raise CheckFailedError(f"no WebSocket: {error}{hint}") from None
    except OSError as error:
        raise CheckFailedError(f"no WebSocket: {error.strerror or error}", Cause.SILENT) from None
    return "upgraded"
