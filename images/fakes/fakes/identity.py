"""svc-identity: people log in, and ask each other for money (production.md#promotion-and-readiness)."""

import json
import secrets
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fakes import api
from fakes.service import TENANT, Service, guarded, refused, token_of

_REQUESTS = """CREATE TABLE IF NOT EXISTS fakes_qsend (
  code TEXT PRIMARY KEY, owner TEXT NOT NULL, amount NUMERIC NOT NULL, status TEXT NOT NULL, payer TEXT)"""
_LOG_IN = """SELECT "profileId", "firstName", "lastName" FROM "UserProfile"
  WHERE email = lower(%(email)s) AND "passwordHash" = crypt(%(password)s, "passwordHash") AND NOT "isLocked" """
_PAY = """UPDATE fakes_qsend SET status = 'PAID', payer = %(payer)s
  WHERE code = %(code)s AND status = 'ACTIVE' AND owner <> %(payer)s
    AND amount <= (SELECT sum("cachedBalance") FROM "Wallet" WHERE "profileId" = %(payer)s)
  RETURNING code, owner, amount::float AS amount, status"""
_COMMAND = """INSERT INTO "OutboxCommand" (id, "tenantId", service, "requestId", "commandType", payload, "updatedAt")
  VALUES (%(id)s, %(tenant)s, 'svc-identity', %(id)s, 'Q_SEND_PAY', %(payload)s::jsonb, now())"""


class Identity:
    """The handlers of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def log_in(self, request: Request) -> Response:
        """Compare a password with the stored hash, in the database."""
        body = await request.json()
        wanted = {"email": str(body.get("email", "")), "password": str(body.get("password", ""))}
        rows = await self._service.rows(_LOG_IN, **wanted)
        if not rows:
            return refused(401, "Invalid credentials")
        user = rows[0]
        token = token_of(user["profileId"])
        return JSONResponse({"accessToken": token, "refreshToken": token, "user": user})

    async def create(self, request: Request, person: str) -> Response:
        """Ask for an amount."""
        amount = float((await request.json()).get("amount", 0))
        if amount <= 0:
            return refused(400, "amount must be positive")
        if not await self._rows('SELECT 1 FROM "Wallet" WHERE "profileId" = %(person)s', person=person):
            return refused(400, "no wallet")
        code = f"QS-{secrets.token_hex(4).upper()}"
        values = {"code": code, "owner": person, "amount": amount}
        await self._rows("INSERT INTO fakes_qsend VALUES (%(code)s, %(owner)s, %(amount)s, 'ACTIVE')", **values)
        return JSONResponse({"requestCode": code, "status": "ACTIVE", "amount": amount}, 201)

    async def pay(self, request: Request, person: str) -> Response:
        """Pay a request: it turns PAID before the chain commits (production.md#promotion-and-readiness)."""
        paid = await self._rows(_PAY, code=request.path_params["code"], payer=person)
        if not paid:
            return refused(400, "not active, one's own, or more than the wallet holds")
        command = str(uuid.uuid4())
        payload = json.dumps({**paid[0], "payer": person})
        await self._rows(_COMMAND, id=command, tenant=TENANT, payload=payload)
        return JSONResponse({"status": "pending", "commandId": command, "request": paid[0]}, 202)

    async def state(self, request: Request, _person: str) -> Response:
        """Say what became of a request."""
        query = """SELECT code, fakes_qsend.status, "firstName" AS "payerName" FROM fakes_qsend
          LEFT JOIN "UserProfile" ON "profileId" = payer WHERE code = %(code)s"""
        rows = await self._rows(query, code=request.path_params["code"])
        return JSONResponse(rows[0]) if rows else refused(404, "no such request")

    async def cancel(self, request: Request, person: str) -> Response:
        """Take back a request of one's own."""
        query = """UPDATE fakes_qsend SET status = 'CANCELLED'
          WHERE code = %(code)s AND owner = %(owner)s AND status = 'ACTIVE' RETURNING code"""
        rows = await self._rows(query, code=request.path_params["code"], owner=person)
        return JSONResponse({"status": "CANCELLED"}) if rows else refused(400, "not active")

    async def _rows(self, query: str, **values: object) -> list[dict[str, Any]]:
        await self._service.rows(_REQUESTS)
        return await self._service.rows(query, **values)


def build(service: Service) -> list[Route]:
    """Return the routes."""
    service.health = "ok"
    identity = Identity(service)
    return [
        Route("/api/v1/auth/login", identity.log_in, methods=["POST"]),
        Route("/api/v1/qsend", guarded(identity.create), methods=["POST"]),
        Route("/api/v1/qsend/{code}", guarded(identity.state)),
        Route("/api/v1/qsend/{code}/pay", guarded(identity.pay), methods=["POST"]),
        Route("/api/v1/qsend/{code}/cancel", guarded(identity.cancel), methods=["POST"]),
        *api.build(service),
    ]
