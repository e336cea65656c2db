"""Endpoints: every public path answers as production's do (production.md#promotion-and-readiness)."""

import time
from collections.abc import Iterator
from functools import partial

from common.objects import mapping
from gx.verify.model import Check, CheckFailedError
from gx.verify.outside import Outside
from gx.verify.sockets import polling, websocket

UNAUTHORIZED, OK = 401, 200
GUARDED = ("conversations", "messages", "voice", "keys", "groups", "files/download")
"""Answer 401 without a token (production.md#promotion-and-readiness); GET /files is 404, so a download is asked."""
OPEN = ("files/info", "voice/info", "messages/info")


def endpoint_checks(outside: Outside) -> Iterator[Check]:
    """Yield the checks of the API's paths and of Socket.IO."""
    api = outside.settings.network.api_url
    for path in GUARDED:
        url = f"{api}/api/v1/{path}"
        yield Check(name=f"GET /api/v1/{path}", group="endpoints", run=partial(answers, outside, url, UNAUTHORIZED))
    for path in OPEN:
        yield Check(
            name=f"GET /api/v1/{path}", group="endpoints", run=partial(answers, outside, f"{api}/api/v1/{path}", OK)
        )
    yield Check(name="GET /health", group="endpoints", run=partial(_health, outside))
    yield Check(name="Socket.IO by polling", group="sockets", run=partial(polling, outside))
    yield Check(
        name="Socket.IO upgraded to WebSocket",
        group="sockets",
        run=partial(websocket, outside),
        after=("Socket.IO by polling",),
    )


async def answers(outside: Outside, url: str, status: int) -> str:
    """Return how long a URL took to answer with a status.

    Raises:
        FailedError: It answered with another one, or not at all.
    """
    began = time.monotonic()
    (await outside.web.get(url)).expect(status)
    return f"{status} in {(time.monotonic() - began) * 1000:.0f} ms"


async def _health(outside: Outside) -> str:
    answer = (await outside.web.get(f"{outside.settings.network.api_url}/health")).expect(OK)
    status = mapping(answer.json()).get("status")
    if status != "ok":
        raise CheckFailedError(f"{answer.url} says {status!r} instead of 'ok': it is not svc-identity that answers")
    return "ok"
