"""gx-wallet-frontend: pages, NextAuth's own host, scripts with the public URLs baked in (production.md#wallet)."""

import os

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from fakes.service import Service

PAGE = '<!doctype html><title>Wallet</title><script src="/_next/static/chunks/main.js"></script>'


async def _page(_request: Request) -> Response:
    return HTMLResponse(PAGE)


async def _messages(_request: Request) -> Response:
    return RedirectResponse("/login?callbackUrl=%2Fmessages", 307)


async def _providers(_request: Request) -> Response:
    url = f"{os.environ['NEXTAUTH_URL']}/api/auth"
    entry = {"id": "credentials", "signinUrl": f"{url}/signin", "callbackUrl": f"{url}/callback"}
    return JSONResponse({"credentials": entry})


async def _script(_request: Request) -> Response:
    """The image's own URLs, not the pod's: they were baked in when the image was built."""
    api, socket = os.environ["NEXT_PUBLIC_API_URL"], os.environ["NEXT_PUBLIC_WS_URL"]
    return Response(f'const api="{api}";const socket="{socket}";', media_type="text/javascript")


def build(_service: Service) -> list[Route]:
    """Return the routes."""
    return [
        Route("/", _page),
        Route("/login", _page),
        Route("/messages", _messages),
        Route("/api/auth/providers", _providers),
        Route("/_next/static/chunks/main.js", _script),
    ]
