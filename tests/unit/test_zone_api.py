"""The fake zone answers as Cloudflare's API does, and the reader of the zone copes with it."""

from typing import Any

import httpx
import pytest

from common.errors import InputError
from gx.cluster.zone import Zone as Reader
from tools.plugins.zone_api import ZONE_ID, Server

RECORDS = f"/zones/{ZONE_ID}/dns_records"
A_RECORD: dict[str, Any] = {"name": "a.gxcoin.money", "type": "A", "content": "72.60.210.1", "ttl": 1, "proxied": True}


def ask(server: Server, method: str, path: str = RECORDS, **arguments: Any) -> httpx.Response:
    headers = arguments.pop("headers", {"Authorization": "Bearer token"})
    return httpx.request(method, f"{server.url}{path}", headers=headers, **arguments)


def code(response: httpx.Response) -> int:
    return response.json()["errors"][0]["code"]


def test_a_record_is_created_changed_listed_and_deleted(server: Server) -> None:
    made = ask(server, "POST", json=A_RECORD).json()["result"]
    changed = ask(server, "PATCH", f"{RECORDS}/{made['id']}", json={"comment": "new"}).json()["result"]
    assert changed["comment"] == "new"
    assert ask(server, "GET", params={"name": "a.gxcoin.money"}).json()["result"] == [changed]
    assert ask(server, "DELETE", f"{RECORDS}/{made['id']}").json()["result"] == {"id": made["id"]}
    assert code(ask(server, "GET", f"{RECORDS}/{made['id']}")) == 81044


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, 81058),
        ({"type": "CNAME", "content": "elsewhere"}, 81053),
        ({"name": "b.gxcoin.money", "ttl": 300}, 9021),
        ({"name": "b.gxcoin.money", "content": ""}, 9005),
    ],
)
def test_what_the_real_zone_refuses_is_refused_with_its_code(
    server: Server, change: dict[str, Any], expected: int
) -> None:
    ask(server, "POST", json=A_RECORD)
    response = ask(server, "POST", json={**A_RECORD, **change})
    assert (response.status_code, code(response)) == (400, expected)


def test_an_a_record_beside_a_cname_is_refused(server: Server) -> None:
    ask(server, "POST", json={**A_RECORD, "type": "CNAME", "content": "elsewhere"})
    assert code(ask(server, "POST", json=A_RECORD)) == 81054


def test_without_a_token_or_the_zones_id_nothing_is_told(server: Server) -> None:
    assert code(ask(server, "GET", headers={})) == 9106
    assert code(ask(server, "GET", "/zones/1234/dns_records")) == 7003


def test_lists_come_in_pages(server: Server) -> None:
    for last in range(5):
        ask(server, "POST", json={**A_RECORD, "content": f"72.60.210.{last}"})
    answer = ask(server, "GET", params={"page": 3, "per_page": 2}).json()
    assert len(answer["result"]) == 1
    assert answer["result_info"] == {"page": 3, "per_page": 2, "count": 1, "total_count": 5, "total_pages": 3}


def test_the_reader_follows_the_pages(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", server.url)
    monkeypatch.setattr("gx.cluster.zone._PAGE", 2)
    for last in range(5):
        ask(server, "POST", json={**A_RECORD, "content": f"72.60.210.{last}"})
    with Reader(ZONE_ID, "token") as zone:
        assert len(zone.records("a.gxcoin.money")) == 5


def test_the_reader_waits_when_it_is_asked_to(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", server.url)
    ask(server, "POST", json=A_RECORD)
    server.zone.throttle = 2
    with Reader(ZONE_ID, "token") as zone:
        assert len(zone.records("a.gxcoin.money")) == 1


@pytest.mark.parametrize(
    ("zone_id", "throttle", "words"),
    [("1" * 32, 0, "correct gx-infra:cloudflare.zoneId"), (ZONE_ID, 99, "please wait")],
)
def test_the_reader_says_what_is_wrong(
    server: Server, monkeypatch: pytest.MonkeyPatch, zone_id: str, throttle: int, words: str
) -> None:
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", server.url)
    monkeypatch.setattr("gx.cluster.zone._ATTEMPTS", 2)
    server.zone.throttle = throttle
    with Reader(zone_id, "token") as zone, pytest.raises(InputError, match=f"(?i){words}"):
        zone.records("a.gxcoin.money")
