"""End-to-end flow of two test users: log in, talk, send a file, request money and pay. Never where real users are."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from common.known_secrets import remember
from common.naming import QSEND_USERS
from common.objects import mapping, sequence
from gx.verify.model import Cause, Check, CheckFailedError
from gx.verify.outside import Outside
from gx.verify.web import Answer

PEOPLE = QSEND_USERS
GROUP = "user flow"
FILE = ("gx-verify.txt", b"written by gx verify, may be deleted\n", "text/plain")
AMOUNT = 1
CLEAN_UP_SECONDS = 20  # of an interrupted run
CREATED, ACCEPTED, OK = 201, 202, 200
SEALED = {"encryptedContent": "Z3g=", "contentNonce": "Z3g=", "encryptionKeyId": "gx-verify"}
"""The service relays what it cannot read: any text will do."""


@dataclass(kw_only=True)
class UserFlow:
    """What the steps learn from each other.

    Attributes:
        outside: Where the API answers.
        password: The common password of the test users.
        tokens: Access token by person.
        people: Profile id by person.
        conversation: Id of their conversation.
        storage_key: Where the file was put.
        code: Code of the request for money that is followed.
        paid: Whether an amount went from the second person to the first.
        remove: Removes a stored file by its key; None where the object store cannot be reached.
    """

    outside: Outside
    password: str = field(repr=False)
    remove: Callable[[str], None] | None = None
    tokens: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    people: dict[str, str] = field(default_factory=dict[str, str])
    conversation: str = ""
    storage_key: str = ""
    code: str = ""
    paid: bool = False

    def url(self, path: str) -> str:
        """Return the URL of a path of the API."""
        return f"{self.outside.settings.network.api_url}/api/v1/{path}"

    async def post(self, who: str, path: str, body: object = None) -> Answer:
        """Send something as a test user."""
        return await self.outside.web.post(self.url(path), token=self.tokens[who], body=body)

    async def get(self, who: str, path: str) -> Answer:
        """Ask for something as a test user."""
        return await self.outside.web.get(self.url(path), token=self.tokens[who])


Step = Callable[[UserFlow], Awaitable[str]]


def flow_checks(flow: UserFlow) -> Iterator[Check]:
    """Yield the steps of the messaging flow, and of Q Send where its path is public."""
    alice, bob = PEOPLE
    for who in PEOPLE:
        yield Check(name=f"{who} logs in", group=GROUP, run=partial(_log_in, flow, who))
    steps: list[tuple[str, Step, tuple[str, ...]]] = [
        ("conversation", _conversation, (f"{alice} logs in", f"{bob} logs in")),
        ("message", partial(_message, who=alice), ("conversation",)),
        ("reply", partial(_message, who=bob), ("message",)),
        ("list of conversations", _listed, ("conversation",)),
        ("file sent", _upload, ("conversation",)),
        ("file opened", _download, ("file sent",)),
    ]
    if flow.outside.settings.stack.ingress.qsend_route:
        steps += [
            ("Q Send: request", _request, (f"{alice} logs in", f"{bob} logs in")),
            ("Q Send: paid", _pay, ("Q Send: request",)),
            ("Q Send: state", _paid, ("Q Send: paid",)),
        ]
    for name, step, after in steps:
        yield Check(name=name, group=GROUP, run=partial(step, flow), after=after)
    names = tuple(name for name, _, _ in steps)
    yield Check(name="cleaned up", group=GROUP, run=partial(clean_up, flow), after=names, always=True)


async def _log_in(flow: UserFlow, who: str) -> str:
    network = flow.outside.settings.network.name
    body = {"email": f"{who}@{network}.gxcoin.test", "password": flow.password}
    answer = await flow.outside.web.post(flow.url("auth/login"), body=body)
    said = mapping(answer.expect(OK).json())
    flow.tokens[who] = _text(answer, said, "accessToken")
    remember(flow.tokens[who])
    flow.people[who] = _text(answer, mapping(said, "user"), "profileId")
    return "a token"


async def _conversation(flow: UserFlow) -> str:
    """Both shapes of the request: an unknown alias once gave 500 (production.md, incident 28)."""
    alice, bob = PEOPLE
    seen: set[str] = set()
    for field_name in ("participantIds", "participantProfileIds"):
        answer = (await flow.post(alice, "conversations", {field_name: [flow.people[bob]]})).expect(CREATED, OK)
        seen.add(_text(answer, mapping(answer.json(), "data"), "conversationId"))
    if len(seen) > 1:
        raise CheckFailedError("the same two users got two conversations")
    flow.conversation = seen.pop()
    return "one for both shapes of the request"


async def _message(flow: UserFlow, who: str) -> str:
    answer = (await flow.post(who, f"messages/conversations/{flow.conversation}", SEALED)).expect(CREATED)
    _text(answer, mapping(answer.json(), "data"), "messageId")
    status = mapping(answer.json(), "data").get("status")
    if status != "SENT":
        raise CheckFailedError(f"{answer.url} says {status!r} instead of 'SENT'")
    return "sent"


async def _listed(flow: UserFlow) -> str:
    answer = (await flow.get(PEOPLE[1], "conversations?limit=50&offset=0")).expect(OK)
    rows: list[Any] = sequence(answer.json(), "data")
    if not any(mapping(row).get("conversationId") == flow.conversation for row in rows):
        raise CheckFailedError(f"{answer.url} does not list the conversation that was just opened")
    return f"{len(rows)} listed"


async def _upload(flow: UserFlow) -> str:
    url = flow.url(f"files/conversations/{flow.conversation}")
    fields = {**SEALED, "fileName": FILE[0]}
    answer = await flow.outside.web.post(url, token=flow.tokens[PEOPLE[0]], files={"file": FILE}, fields=fields)
    flow.storage_key = _text(answer, mapping(answer.expect(CREATED).json(), "data"), "fileStorageKey")
    return f"{len(FILE[1])} bytes"


async def _download(flow: UserFlow) -> str:
    answer = (await flow.get(PEOPLE[1], f"files/download?storageKey={flow.storage_key}")).expect(OK)
    if answer.body != FILE[1]:
        raise CheckFailedError(f"{answer.url} gave {len(answer.body)} other bytes than were sent")
    return "the same bytes"


async def _requested(flow: UserFlow, who: str) -> str:
    """Ask for the amount as a test user; return the request's code."""
    answer = (await flow.post(who, "qsend", {"amount": AMOUNT, "validitySeconds": 60})).expect(CREATED)
    return _text(answer, _said(answer), "requestCode")


async def _request(flow: UserFlow) -> str:
    flow.code = await _requested(flow, PEOPLE[0])
    return flow.code


async def _pay(flow: UserFlow) -> str:
    answer = (await flow.post(PEOPLE[1], f"qsend/{flow.code}/pay")).expect(ACCEPTED)
    flow.paid = True  # from here on there is nothing to cancel
    _text(answer, _said(answer), "commandId")
    return "accepted"


async def _paid(flow: UserFlow) -> str:
    answer = (await flow.get(PEOPLE[0], f"qsend/{flow.code}")).expect(OK)
    status = _said(answer).get("status")
    if status != "PAID":
        raise CheckFailedError(f"{answer.url} says {status!r} instead of 'PAID'")
    return "PAID; the chain confirms it later"


async def clean_up(flow: UserFlow) -> str:
    """Take back what the steps left, as far as the API can; return what was done.

    The conversation stays: the API removes none, and the next run gets the same one
    (production.md#promotion-and-readiness). A message is only relayed, so there is no row of it.

    Raises:
        FailedError: Something stays behind; the line names it.
    """
    done: list[str] = []
    left: list[str] = []
    unreached: list[str] = []
    if flow.paid:
        code = await _requested(flow, PEOPLE[1])
        answer = await flow.post(PEOPLE[0], f"qsend/{code}/pay")
        (done if answer.status == ACCEPTED else left).append(f"the amount of {AMOUNT}")
    elif flow.code:
        answer = await flow.post(PEOPLE[0], f"qsend/{flow.code}/cancel")
        (done if answer.status == OK else left).append(f"request {flow.code}")
    if flow.storage_key and flow.remove is not None:
        try:
            await asyncio.to_thread(flow.remove, flow.storage_key)
            done.append("the file")
        except (BotoCoreError, ClientError) as error:
            told = left if isinstance(error, ClientError) else unreached  # the port is forwarded to this machine
            told.append(f"the file {flow.storage_key} ({error})")
    elif flow.storage_key:
        unreached.append(f"the file {flow.storage_key} (name a cluster or --minio)")
    if left or unreached:
        text = f"left behind: {', '.join((*left, *unreached))}"
        raise CheckFailedError(text, Cause.SEEN if left else Cause.HERE)
    return f"taken back: {', '.join(done)}" if done else "nothing was left"


async def taken_back(flow: UserFlow) -> str:
    """Clean up after an interruption; return what is true then, whatever goes wrong."""
    try:
        async with asyncio.timeout(CLEAN_UP_SECONDS):
            said = await clean_up(flow)
    except CheckFailedError as error:
        said = str(error)
    except TimeoutError:
        said = "what the two test users left is not taken back: nobody answers"
    return f"{said}; a step that was under way may have left more"


def _said(answer: Answer) -> dict[str, Any]:
    """Return what Q Send says, whether it wraps it in `data` or not."""
    said = mapping(answer.json())
    return {**said, **mapping(said, "data")}


def _text(answer: Answer, said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not value:
        raise CheckFailedError(f"{answer.url} answered {answer.status} without {name}")
    return value
