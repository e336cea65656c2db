"""The DNS zone as it is: records of the managed names, read through Cloudflare's API."""

import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, cast

import httpx

from common.errors import InputError
from common.objects import mapping, sequence
from gx.cluster.credentials import credential

PUBLIC_API = "https://api.cloudflare.com/client/v4"
TOKEN_VARIABLE = "CLOUDFLARE_API_TOKEN"
BASE_VARIABLE = "CLOUDFLARE_BASE_URL"
_PAGE, _ATTEMPTS, _SECONDS = 100, 5, 15
_LONGEST = 60
"""Seconds that reading a zone may take, waiting included."""
_MOST_PAGES, _MOST_BYTES = 1000, 8 << 20
_TOO_MANY, _NOT_FOUND, _SERVER_ERROR = 429, 404, 500


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record of the zone."""

    identifier: str
    name: str
    type: str
    content: str
    ttl: int
    proxied: bool
    comment: str = ""


class Zone:
    """One zone, read only."""

    def __init__(self, zone_id: str, token: str) -> None:
        self.zone_id = zone_id
        self._client = _client({"Authorization": f"Bearer {token}"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def records(self, name: str = "") -> list[Record]:
        """Return every record of one name, or of the whole zone.

        Raises:
            InputError: The zone cannot be read within a minute; the line says what the token lacks.
        """
        return list(self._pages(name, time.monotonic() + _LONGEST))

    def _pages(self, name: str, until: float) -> Iterator[Record]:
        page, pages = 1, 1
        while page <= pages:
            named = {"name": name} if name else {}
            answer = self._ask({**named, "page": str(page), "per_page": str(_PAGE)}, until)
            pages = answer["result_info"]["total_pages"]
            page += 1
            for entry in answer["result"]:
                yield Record(
                    identifier=entry["id"],
                    name=entry["name"],
                    type=entry["type"],
                    content=entry["content"],
                    ttl=int(entry["ttl"]),
                    proxied=bool(entry.get("proxied")),
                    comment=str(entry.get("comment") or ""),
                )

    def _ask(self, query: dict[str, str], until: float) -> dict[str, Any]:
        response, body = self._get(query, until)
        for _ in range(1, _ATTEMPTS):
            pause = retry_after(response.headers.get("Retry-After", ""))
            again = response.status_code == _TOO_MANY or response.status_code >= _SERVER_ERROR
            if not again or time.monotonic() + pause > until:
                break
            time.sleep(pause)
            response, body = self._get(query, until)
        try:
            answer: object = json.loads(body)
        except (ValueError, RecursionError):
            raise self._refused(f"answered with HTTP {response.status_code}", "try again later") from None
        if not mapping(answer).get("success"):
            first = mapping(next(iter(sequence(answer, "errors")), None))
            code, message = first.get("code"), first.get("message", "no reason given")
            fix = "give the token Zone / DNS / Read for this zone"
            if response.status_code == _NOT_FOUND:
                fix = "correct gx-infra:cloudflare.zoneId"
            raise self._refused(f"refused to list records: {message} ({code})", fix)
        if not _is_page(answer):
            text = "answered with something that is no page of records: nothing was compared"
            raise self._refused(text, "try again; see whether a proxy is in between")
        return mapping(answer)

    def _get(self, query: dict[str, str], until: float) -> tuple[httpx.Response, bytes]:
        try:
            return _read(self._client, f"/zones/{self.zone_id}/dns_records", query, until)
        except httpx.HTTPError as error:
            raise self._refused(f"cannot be reached ({error})", "correct the connection") from None

    def _refused(self, consequence: str, fix: str) -> InputError:
        return InputError(file=f"DNS zone {self.zone_id}", consequence=consequence, fix=fix)


def zone_from_environment(zone_id: str | None) -> Zone | None:
    """Return the zone, or None without a token or an id: then DNS is not looked at.

    Raises:
        InputError: The token can be no header.
    """
    fix = "set it to the token alone, as Cloudflare shows it"
    token = credential(os.environ.get(TOKEN_VARIABLE, ""), file="the environment", key=TOKEN_VARIABLE, fix=fix)
    return Zone(zone_id, token) if token and zone_id else None


def _is_page(answer: object) -> bool:
    """Whether an answer says everything of its records and of the pages after it: what is missing is not nothing."""
    records = mapping(answer).get("result")
    return (
        mapping(answer, "result_info").get("total_pages") in range(_MOST_PAGES)
        and isinstance(records, list)
        and all(
            {"id", "name", "type", "content"} <= mapping(record).keys() and isinstance(mapping(record).get("ttl"), int)
            for record in cast("list[object]", records)
        )
    )


def published_ranges() -> list[str]:
    """Return the IPv4 ranges from which Cloudflare connects to origins, as its API says them.

    Raises:
        InputError: Cloudflare cannot be asked, or its answer holds no range.
    """
    fix = "correct the connection; the pinned ranges stay in force"
    with _client({}) as client:
        url = f"{client.base_url}ips"
        try:
            _, body = _read(client, "/ips", {}, time.monotonic() + _LONGEST)
            found = mapping(json.loads(body), "result").get("ipv4_cidrs")
        except (httpx.HTTPError, ValueError, RecursionError) as error:
            raise InputError(file=url, consequence=f"cannot be read ({error})", fix=fix) from None
    if not isinstance(found, list) or not found:
        raise InputError(file=url, consequence="holds no ranges: nothing was compared", fix=fix)
    return [str(text) for text in cast("list[object]", found)]


def _client(headers: dict[str, str]) -> httpx.Client:
    base = os.environ.get(BASE_VARIABLE) or PUBLIC_API
    try:
        return httpx.Client(base_url=base, headers=headers, timeout=_SECONDS)
    except (httpx.InvalidURL, ImportError, ValueError) as error:  # a proxy's scheme, half an address
        key = f"{BASE_VARIABLE}, HTTPS_PROXY or ALL_PROXY"
        fix = "write http:// or https:// addresses, or unset it"
        raise InputError(file="the environment", key=key, consequence=f"cannot be used ({error})", fix=fix) from None


def _read(client: httpx.Client, path: str, query: dict[str, str], until: float) -> tuple[httpx.Response, bytes]:
    """Return an answer and its body. The client's own limit is one of each read: a body that dribbles has no end."""
    with client.stream("GET", path, params=query) as response:
        body = b""
        for chunk in response.iter_bytes():
            body += chunk
            if time.monotonic() > until or len(body) > _MOST_BYTES:
                raise httpx.ReadTimeout(f"no whole answer within {_LONGEST} s and {_MOST_BYTES >> 20} MiB")
    return response, body


def retry_after(text: str) -> float:
    """Return the seconds that a server asks to wait, as a number or as a date; a second where it says neither."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, OverflowError):
            return 1.0
    return max(seconds, 0.0) if math.isfinite(seconds) else 1.0
