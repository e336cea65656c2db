"""The two workers: health and metrics on one port, and the work that others wait for (production.md#workloads)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
from prometheus_client import Counter, Gauge
from psycopg_pool import PoolTimeout
from starlette.routing import Route

from fakes.service import TENANT, Service, log

PAUSE_SECONDS = 0.5
_TAKE = """UPDATE "OutboxCommand" SET status = 'COMMITTED', "updatedAt" = now(), attempts = attempts + 1
  WHERE id IN (SELECT id FROM "OutboxCommand" WHERE status = 'PENDING' LIMIT 10 FOR UPDATE SKIP LOCKED)
  RETURNING payload"""
_MOVE = """UPDATE "Wallet" SET "updatedAt" = now(), "cachedBalance" = "cachedBalance"
  + CASE WHEN "profileId" = %(owner)s THEN %(amount)s ELSE -%(amount)s END
  WHERE "profileId" IN (%(owner)s, %(payer)s)"""
_PROJECTED = """INSERT INTO "ProjectorState"
    ("tenantId", "projectorName", channel, "lastBlock", "lastEventIndex", "updatedAt")
  VALUES (%(tenant)s, 'fakes', 'fakes', 0, 0, now())
  ON CONFLICT ("tenantId", "projectorName", channel) DO UPDATE SET "updatedAt" = now()"""


def outbox_submitter(service: Service) -> list[Route]:
    """Return the routes; commands are committed as if a chain had taken them."""
    done = Counter("outbox_commands_processed_total", "Commands", ["status"], registry=service.registry)
    depth = Gauge("outbox_queue_depth", "Waiting commands", registry=service.registry)

    async def work() -> None:
        for row in await service.rows(_TAKE):
            payload: dict[str, Any] = row["payload"]
            wanted = {name: payload.get(name) for name in ("owner", "payer", "amount")}
            await service.rows(_MOVE, **wanted)
            done.labels("success").inc()
        waiting = await service.rows("""SELECT count(*) AS n FROM "OutboxCommand" WHERE status = 'PENDING'""")
        depth.set(float(waiting[0]["n"]))

    _working(service, "outbox_worker_status", work)
    return []


def projector(service: Service) -> list[Route]:
    """Return the routes; the projection is always level, there is no chain to read."""
    lag = Gauge("projector_lag_blocks", "Blocks behind", registry=service.registry)
    events = Counter("projector_events_processed_total", "Events", registry=service.registry)

    async def work() -> None:
        await service.rows(_PROJECTED, tenant=TENANT)
        lag.set(0)
        events.inc(0)

    _working(service, "projector_worker_status", work)
    return []


def _working(service: Service, metric: str, work: Callable[[], Awaitable[None]]) -> None:
    """Have the work done again and again while the service runs; an error is said and tried again."""
    status = Gauge(metric, "1 while it works", registry=service.registry)

    async def forever() -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            if service.database is None:
                continue
            try:
                await work()
                status.set(1)
            except (psycopg.Error, PoolTimeout) as error:
                status.set(0)
                log.warning("work: %s", error)

    service.background.append(forever)
