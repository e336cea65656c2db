"""The DNS zone as it is: records of the managed names, read through Cloudflare's API."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

import httpx

from common.errors import InputError
from common.objects import mapping, sequence
from gx.cluster.credentials import credential

PUBLIC_API = "https://api.cloudflare.com/client/v4"
TOKEN_VARIABLE = "CLOUDFLARE_API_TOKEN"
_PAGE, _ATTEMPTS, _SECONDS = 100, 5, 15
_TOO_MANY, _NOT_FOUND = 429, 404


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
        base = os.environ.get("CLOUDFLARE_BASE_URL") or PUBLIC_API
        self._client = httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def records(self, name: str = "") -> list[Record]:
        """Return every record of one name, or of the whole zone.

        Raises:
            InputError: The zone cannot be read; the line says what the token lacks.
        """
        return list(self._pages(name))

    def _pages(self, name: str) -> Iterator[Record]:
        page, pages = 1, 1
        while page <= pages:
            named = {"name": name} if name else {}
            answer = self._ask({**named, "page": str(page), "per_page": str(_PAGE)})
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

    def _ask(self, query: dict[str, str]) -> dict[str, Any]:
        response = self._get(query)
        attempts = 1
        while response.status_code == _TOO_MANY and attempts < _ATTEMPTS:
            attempts += 1
            time.sleep(float(response.headers.get("Retry-After", 1)))
            response = self._get(query)
        try:
            answer: object = response.json()
        except ValueError:
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

    def _get(self, query: dict[str, str]) -> httpx.Response:
        try:
            return self._client.get(f"/zones/{self.zone_id}/dns_records", params=query)
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
        isinstance(mapping(answer, "result_info").get("total_pages"), int)
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
    url = f"{os.environ.get('CLOUDFLARE_BASE_URL') or PUBLIC_API}/ips"
    fix = "correct the connection; the pinned ranges stay in force"
    try:
        found = mapping(httpx.get(url, timeout=_SECONDS).json(), "result").get("ipv4_cidrs")
    except (httpx.HTTPError, ValueError) as error:
        raise InputError(file=url, consequence=f"cannot be read ({error})", fix=fix) from None
    if not isinstance(found, list) or not found:
        raise InputError(file=url, consequence="holds no ranges: nothing was compared", fix=fix)
    return [str(text) for text in cast("list[object]", found)]
