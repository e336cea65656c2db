"""What every workload has: probes, metrics, a database, and who a token belongs to."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import jwt
import psycopg
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("uvicorn.error")
TENANT = "default"
DATABASE_SECONDS = 2
BUCKETS = (0.1, 0.5, 1, 1.5, 2, 3, 5, 10)
"""Of the services' own histogram, in seconds (production.md#monitoring)."""
Pool = AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]


@dataclass(kw_only=True)
class Service:
    """One workload.

    Attributes:
        name: Its name in the catalogue.
        port: The port that it listens on.
        health: What its /health says when all is well; svc-identity's word differs (production.md#workloads).
        database: Connections; None in the wallet, which has none.
        closing: What ends with it.
        background: What it does beside answering.
    """

    name: str
    port: int
    health: str = "healthy"
    database: Pool | None = None
    closing: list[Callable[[], Awaitable[object]]] = field(default_factory=list[Callable[[], Awaitable[object]]])
    background: list[Callable[[], Awaitable[None]]] = field(default_factory=list[Callable[[], Awaitable[None]]])
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    async def rows(self, query: str, **values: object) -> list[dict[str, Any]]:
        """Run a query in a transaction of its own and return its rows."""
        assert self.database is not None
        async with self.database.connection(DATABASE_SECONDS) as connection:
            cursor = await connection.execute(query.encode(), values)
            return await cursor.fetchall() if cursor.description else []

    async def database_answers(self) -> bool:
        """Return whether the database answers."""
        try:
            await self.rows("SELECT 1")
        except (psycopg.Error, PoolTimeout) as error:
            log.warning("database: %s", error)
            return False
        return True


Build = Callable[[Service], Sequence[BaseRoute]]


def database_url(url: str) -> str:
    """Return a URL without Prisma's own `schema`, which the driver does not know."""
    return urlunsplit(urlsplit(url)._replace(query=""))


def application(service: Service, build: Build) -> ASGIApp:
    """Return the application of a workload: its own routes after those that all have."""
    routes = build(service)
    requests = Counter("http_http_requests_total", "Requests", ["method", "route", "status"], registry=service.registry)
    seconds = Histogram(
        "http_http_request_duration_seconds",
        "Duration",
        ["method", "route", "status"],
        buckets=BUCKETS,
        registry=service.registry,
    )

    async def health(_request: Request) -> Response:
        well = service.database is None or await service.database_answers()
        return JSONResponse({"status": service.health if well else "unhealthy"}, 200 if well else 503)

    async def ready(_request: Request) -> Response:
        well = await service.database_answers() and not await _behind(service)
        return JSONResponse({"status": "ready" if well else "not ready"}, 200 if well else 503)

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(service.registry), media_type="text/plain; version=0.0.4")

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        if url := os.environ.get("DATABASE_URL"):
            kwargs = {"row_factory": dict_row, "autocommit": False}
            service.database = AsyncConnectionPool(
                database_url(url), kwargs=kwargs, min_size=1, max_size=5, open=False, timeout=DATABASE_SECONDS
            )  # type: ignore[assignment]
            await service.database.open()
            service.closing.append(service.database.close)
        tasks = [asyncio.ensure_future(work()) for work in service.background]
        yield
        for task in tasks:
            task.cancel()
        for close in reversed(service.closing):
            await close()

    common = [
        Route("/health", health),
        Route("/readyz", ready),
        Route("/livez", live),
        Route("/metrics", metrics),
    ]
    everything = [*common, *routes]
    return Measured(Starlette(routes=everything, lifespan=lifespan), everything, requests, seconds)


async def _behind(service: Service) -> bool:
    """Whether the projection lags too much; without a row it does not (production.md#promotion-and-readiness)."""
    rows = await service.rows('SELECT extract(epoch FROM now() - max("updatedAt")) * 1000 AS lag FROM "ProjectorState"')
    limit = float(os.environ.get("PROJECTION_LAG_THRESHOLD_MS", "5000"))
    return rows[0]["lag"] is not None and float(rows[0]["lag"]) > limit


class Measured:
    """Counts and times every HTTP request by its route, never by its path: ids would make a series each."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute], requests: Counter, seconds: Histogram) -> None:
        self._app, self._routes, self._requests, self._seconds = app, routes, requests, seconds

    def _route(self, scope: Scope) -> str:
        fitting = (route for route in self._routes if route.matches(scope)[0] is Match.FULL)
        return str(getattr(next(fitting, None), "path", "unknown"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI asks for it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, route = "500", self._route(scope)

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        began = time.monotonic()
        try:
            await self._app(scope, receive, noting)
        finally:
            labels = (scope["method"], route, status)
            self._requests.labels(*labels).inc()
            self._seconds.labels(*labels).observe(time.monotonic() - began)


def token_of(profile: str) -> str:
    """Return a signed token of a user."""
    return jwt.encode({"sub": profile, "exp": int(time.time()) + 3600}, os.environ["JWT_SECRET"], "HS256")


def person_of(token: str) -> str | None:
    """Return whose token it is, or None when it was not signed with this network's key."""
    try:
        return str(jwt.decode(token, os.environ["JWT_SECRET"], ["HS256"])["sub"])
    except jwt.PyJWTError:
        return None


Handler = Callable[[Request, str], Awaitable[Response]]


def guarded(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that lets in only who carries a token, and is told who that is."""

    async def answer(request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        person = person_of(token) if scheme == "Bearer" else None
        return await handler(request, person) if person else refused(401, "Authentication required")

    return answer


def refused(status: int, why: str) -> JSONResponse:
    """Return an answer that says no."""
    return JSONResponse({"success": False, "error": why}, status)
