"""HTTP as a verifier needs it: bounded in time and memory, no redirect followed, any name at any address."""

import asyncio
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx

from common.errors import InputError
from gx.verify.model import Cause, CheckFailedError

REQUEST_SECONDS = 10.0
LARGEST_BODY = 8 * 2**20
"""Bytes of an answer that are read: more than any script of the wallet, far less than memory."""
ATTEMPTS = 3
"""Of a GET whose connection failed: a wrong answer is never asked for again."""
PAUSE_SECONDS = 0.3

Address = tuple[str, int]


@dataclass(frozen=True)
class Answer:
    """What a server said.

    Attributes:
        url: What was asked.
        status: HTTP status.
        headers: Its headers, names in lower case.
        body: What was read of its body.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:  # noqa: ANN401 any JSON
        """Return the body as JSON.

        Raises:
            FailedError: It is something else, such as a page of HTML.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            kind = self.headers.get("content-type", "nothing that says what it is").split(";")[0]
            start = " ".join(self.text[:60].split())
            raise CheckFailedError(f"{self.url} answered {self.status} with {kind} instead of JSON: {start}") from None

    def expect(self, *statuses: int) -> Self:
        """Return the answer if its status is one of those.

        Raises:
            FailedError: It is another one; the line says where a redirect leads.
        """
        if self.status not in statuses:
            wanted = " or ".join(str(status) for status in statuses)
            leads = f" to {self.headers['location'][:120]}" if "location" in self.headers else ""
            raise CheckFailedError(f"{self.url} answered {self.status}{leads} instead of {wanted}")
        return self


class Web:
    """A client for the public names of a network."""

    def __init__(self, *, connect_to: Mapping[Address, Address] | None = None, ca_file: str = "") -> None:
        """Open nothing yet.

        Args:
            connect_to: Where to connect instead of a name and port, as curl's option of that name.
            ca_file: Certificates of authorities to trust instead of the system's.
        """
        self.connect_to = dict(connect_to or {})
        self.context = _trust(ca_file)
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=32)
        self._client = httpx.AsyncClient(verify=self.context, limits=limits, trust_env=False, timeout=REQUEST_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    def location(self, host: str, port: int) -> Address:
        """Return where to connect for a name and port."""
        return self.connect_to.get((host, port), (host, port))

    def cookies(self, url: str) -> str:
        """Return the cookies that a browser would send to a URL by now, as the header's text; empty for none."""
        target, _, _ = self._routed(httpx.URL(url))
        return self._client.build_request("GET", target).headers.get("cookie", "")

    async def get(self, url: str, *, token: str = "") -> Answer:
        """Ask for a URL; a connection that fails is tried again.

        Raises:
            FailedError: Nobody answered in time, or not in HTTP.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._once("GET", url, token)
            except httpx.ConnectError as error:
                if attempt == ATTEMPTS:
                    raise _unconnected(url, error) from None
                await asyncio.sleep(PAUSE_SECONDS * attempt)
        raise AssertionError(url)

    async def post(
        self,
        url: str,
        *,
        token: str = "",
        body: object = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send once: what was sent may have been done, so nothing is sent again.

        Raises:
            FailedError: Nobody answered in time, or not in HTTP.
        """
        content: dict[str, Any] = {"json": body} if files is None else {"files": files, "data": dict(fields or {})}
        try:
            return await self._once("POST", url, token, **content)
        except httpx.ConnectError as error:
            raise _unconnected(url, error) from None

    async def _once(self, method: str, url: str, token: str, **content: Any) -> Answer:  # noqa: ANN401 the library's
        target, headers, extensions = self._routed(httpx.URL(url))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = self._client.build_request(method, target, headers=headers, extensions=extensions, **content)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                response = await self._client.send(request, stream=True)
                try:
                    return await _read(response, url)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise CheckFailedError(f"{url} did not answer within {REQUEST_SECONDS:g} s", Cause.SILENT) from None
        except httpx.ConnectError:
            raise
        except httpx.HTTPError as error:
            raise CheckFailedError(f"{url}: {_reason(error)}") from None

    def _routed(self, url: httpx.URL) -> tuple[httpx.URL, dict[str, str], dict[str, Any]]:
        """Return where to send a request so that the server sees the name that was asked for."""
        port = url.port or (443 if url.scheme == "https" else 80)
        host, other = self.location(url.host, port)
        if (host, other) == (url.host, port):
            return url, {}, {}
        extensions = {"sni_hostname": url.host} if url.scheme == "https" else {}
        return url.copy_with(host=host, port=other), {"Host": url.netloc.decode()}, extensions


def _trust(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        reason = error.strerror or "no certificate in it"
        fix = "name a file of PEM certificates"
        raise InputError(file=ca_file, consequence=f"cannot be used ({reason})", fix=fix) from None


async def _read(response: httpx.Response, url: str) -> Answer:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > LARGEST_BODY:
            raise CheckFailedError(f"{url} answered with more than {LARGEST_BODY // 2**20} MiB; the rest was not read")
    headers = {name.lower(): text for name, text in response.headers.items()}
    return Answer(url, response.status_code, headers, b"".join(parts))


def _unconnected(url: str, error: httpx.ConnectError) -> CheckFailedError:
    """A refused certificate is an answer; a name that nobody resolves or a port that is closed is none."""
    cause = Cause.SILENT if _of_certificate(error) is None else Cause.SEEN
    return CheckFailedError(f"{url}: {_reason(error)}", cause)


def _of_certificate(error: BaseException) -> ssl.SSLCertVerificationError | None:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause


def _reason(error: BaseException) -> str:
    """Return why a connection failed, in one line."""
    refused = _of_certificate(error)
    if refused is not None:
        return f"its certificate is refused: {refused.verify_message}"
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error).strip()) or type(error).__name__
