"""What stands behind the ingress controller: one small server per pod, on the pod's own address and ports.

Usage: backends.py FILE, a JSON list of {"address", "port", "name", "sockets"}. Every answer says who gave it.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import socketio  # pyright: ignore[reportMissingTypeStubs]
from aiohttp import web

UPLOADS = 64 * 2**20


def application(location: dict[str, Any]) -> web.Application:
    """Return the server of one port of one pod; svc-messaging's speaks Socket.IO with sessions of its own."""
    who = {"name": location["name"], "address": location["address"], "port": location["port"]}
    app = web.Application(client_max_size=UPLOADS)
    if location["sockets"]:
        server: Any = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins=[], ping_interval=25)
        server.attach(app)

        @server.event
        async def who_are_you(_sid: str) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
            return who

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade") == "websocket":
            echo = web.WebSocketResponse(autoping=False)
            await echo.prepare(request)
            async for message in echo:
                await echo.send_str(f"{location['name']}: {message.data}")
            return echo
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        return web.json_response({**who, "path": request.path, "received": len(body), "headers": headers})

    app.router.add_route("*", "/{anything:.*}", answer)
    return app


async def serve(locations: list[dict[str, Any]]) -> None:
    """Run every server until SIGTERM."""
    runners = [web.AppRunner(application(location)) for location in locations]
    for runner, location in zip(runners, locations, strict=True):
        await runner.setup()
        await web.TCPSite(runner, location["address"], location["port"]).start()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text())))
