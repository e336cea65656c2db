"""svc-messaging: conversations, messages with Socket.IO, files and voice (production.md#svc-messaging, 14)."""

import importlib
import os
import uuid
from typing import Any, cast

from botocore.exceptions import BotoCoreError, ClientError
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from fakes import api
from fakes.files import Files
from fakes.service import TENANT, Service, guarded, log, person_of, refused

socketio: Any = importlib.import_module("socketio")  # it has no types
SEALED = ("encryptedContent", "contentNonce", "encryptionKeyId")
PING_SECONDS = 25  # WS_HEARTBEAT_INTERVAL_MS of production
_PAIR = """SELECT "conversationId" FROM "ConversationParticipant" JOIN "Conversation" USING ("conversationId")
  WHERE "Conversation".type = 'DIRECT' AND "profileId" = ANY(%(people)s)
  GROUP BY "conversationId" HAVING count(*) = 2 LIMIT 1"""
_OPEN = """WITH opened AS (
    INSERT INTO "Conversation" ("tenantId", type, "updatedAt") VALUES (%(tenant)s, 'DIRECT', now())
    RETURNING "conversationId")
  INSERT INTO "ConversationParticipant" ("tenantId", "conversationId", "profileId")
  SELECT %(tenant)s, "conversationId", unnest(%(people)s::text[]) FROM opened RETURNING "conversationId" """
_MINE = """SELECT "conversationId", "lastMessageAt"::text FROM "ConversationParticipant"
  JOIN "Conversation" USING ("conversationId") WHERE "profileId" = %(person)s
  ORDER BY "lastMessageAt" DESC NULLS LAST LIMIT %(limit)s OFFSET %(offset)s"""
_SENT = """UPDATE "Conversation" SET "lastMessageAt" = now(), "updatedAt" = now()
  WHERE "conversationId" = %(id)s AND EXISTS (SELECT 1 FROM "ConversationParticipant" AS p
    WHERE p."conversationId" = %(id)s AND p."profileId" = %(person)s)
  RETURNING ARRAY(
    SELECT p."profileId" FROM "ConversationParticipant" AS p WHERE p."conversationId" = %(id)s) AS people"""


class Messaging:
    """The handlers of one replica; Redis carries events between replicas and keeps who is there."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._files = Files()
        url = os.environ["REDIS_URL"]
        self._redis: Redis = cast("Any", Redis).from_url(url, socket_timeout=2, socket_connect_timeout=2)
        self.sockets: Any = socketio.AsyncServer(
            async_mode="asgi",
            client_manager=socketio.AsyncRedisManager(url, channel="gx-messaging"),
            cors_allowed_origins=os.environ.get("ALLOWED_ORIGINS", "*").split(","),
            ping_interval=PING_SECONDS,
        )
        self.sockets.on("connect", self._connected)
        self.sockets.on("message:send", self._relayed)
        service.closing.append(self._redis.aclose)
        service.background.append(self._greet)

    async def _greet(self) -> None:
        """Say once whether Redis lets us in; nothing depends on it (production.md#svc-messaging)."""
        try:
            await cast("Any", self._redis).ping()
        except RedisError as error:
            log.error("redis: %s", error)

    async def _connected(self, sid: str, _environment: object, auth: dict[str, Any] | None = None) -> None:
        person = person_of(str((auth or {}).get("token", "")))
        if person is None:
            raise socketio.exceptions.ConnectionRefusedError("Authentication required")
        await self.sockets.enter_room(sid, person)
        await self.sockets.save_session(sid, {"person": person})
        try:
            await self._redis.set(f"presence:{person}", "online", ex=60)
        except RedisError as error:  # presence falls back to memory, the pod stays Ready (production.md, incident 1)
            log.error("redis: %s", error)

    async def _relayed(self, sid: str, body: dict[str, Any]) -> dict[str, Any]:
        session = await self.sockets.get_session(sid)
        return await self._send(session["person"], str(body.get("conversationId", "")), body) or {"status": "FAILED"}

    async def _send(self, person: str, conversation: str, body: dict[str, Any]) -> dict[str, Any] | None:
        rows = await self._service.rows(_SENT, id=conversation, person=person)
        if not rows:
            return None
        message = {"messageId": str(uuid.uuid4()), "conversationId": conversation, "status": "SENT"}
        for other in rows[0]["people"]:
            if other != person:
                await self.sockets.emit("message:received", {**body, **message, "senderProfileId": person}, room=other)
        return message

    async def open(self, request: Request, person: str) -> Response:
        """Open a conversation of two, or return the one that they have."""
        body = await request.json()
        others: list[object] = body.get("participantIds") or body.get("participantProfileIds") or []
        people = sorted({person, *map(str, others)})
        if len(people) != 2:  # noqa: PLR2004 two people
            return refused(400, "a direct conversation needs exactly two people")
        rows = await self._service.rows(_PAIR, people=people)
        rows = rows or await self._service.rows(_OPEN, people=people, tenant=TENANT)
        return JSONResponse({"success": True, "data": {**rows[0], "participants": people}}, 201)

    async def mine(self, request: Request, person: str) -> Response:
        """List a user's conversations."""
        limit, offset = (int(request.query_params.get(name, usual)) for name, usual in (("limit", 50), ("offset", 0)))
        rows = await self._service.rows(_MINE, person=person, limit=limit + 1, offset=offset)
        page = {"limit": limit, "offset": offset, "hasMore": len(rows) > limit}
        return JSONResponse({"data": rows[:limit], "pagination": page})

    async def send(self, request: Request, person: str) -> Response:
        """Relay a message; no row of it is kept (production.md#promotion-and-readiness)."""
        body = await request.json()
        if missing := [name for name in SEALED if not body.get(name)]:
            return refused(400, f"missing: {', '.join(missing)}")
        sent = await self._send(person, request.path_params["id"], body)
        return JSONResponse({"data": sent}, 201) if sent else refused(403, "not a participant")

    async def upload(self, request: Request, _person: str) -> Response:
        """Store a file or a voice message of a conversation."""
        async with request.form() as form:
            part: Any = form["file"]
            content = await part.read()
        if not self._files.enabled:
            return JSONResponse({"data": {}}, 201)
        kind = "voice/temp" if "/voice/" in request.url.path else "files"
        try:
            key = await self._files.put(f"{kind}/{request.path_params['id']}", str(part.filename), content)
        except (BotoCoreError, ClientError) as error:
            log.error("s3: %s", error)
            return refused(500, "Failed to store file")
        return JSONResponse({"data": {"fileStorageKey": key, "fileSize": len(content)}}, 201)

    async def download(self, request: Request, _person: str) -> Response:
        """Return a stored file."""
        try:
            return Response(await self._files.get(request.query_params.get("storageKey", "")))
        except (BotoCoreError, ClientError) as error:
            log.error("s3: %s", error)
            return refused(404 if "NoSuchKey" in str(error) else 500, "Failed to read file")


async def _info(_request: Request) -> Response:
    return JSONResponse({"success": True})


def build(service: Service) -> list[BaseRoute]:
    """Return the routes."""
    messaging = Messaging(service)
    uploads = [
        Route(f"/api/v1/{kind}/conversations/{{id}}", guarded(messaging.upload), methods=["POST"])
        for kind in ("files", "voice")
    ]
    return [
        *(Route(f"/api/v1/{kind}/info", _info) for kind in ("files", "voice", "messages")),
        Route("/api/v1/conversations", guarded(messaging.mine)),
        Route("/api/v1/conversations", guarded(messaging.open), methods=["POST"]),
        Route("/api/v1/messages/conversations/{id}", guarded(messaging.send), methods=["POST"]),
        *uploads,
        Route("/api/v1/files/download", guarded(messaging.download)),
        Mount("/socket.io", socketio.ASGIApp(messaging.sockets, socketio_path="/socket.io")),
        *api.build(service),
    ]
