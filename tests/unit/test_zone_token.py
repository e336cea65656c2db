"""The token of Cloudflare's API as people paste it: used without its line end, or refused without being shown."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.errors import InputError
from gx.cluster.zone import Zone, published_ranges, retry_after
from tests.helpers.stack import edit, put
from tools.plugins.zone_api import ZONE_ID, Server

TOKEN = "cf-0123456789abcdefABCDEF_-xyz"
Gx = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def there(server: Server, project: Path, gx: Gx, monkeypatch: pytest.MonkeyPatch) -> Gx:
    """Return the command `gx` in a project whose mainnet is in this zone."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", server.url)
    edit(project, "mainnet", put("cloudflare/zoneId", ZONE_ID))
    return lambda *arguments: gx(*arguments, cwd=project)


@pytest.mark.parametrize("token", [f"{TOKEN} ", f"{TOKEN}\n", f"{TOKEN}\r\n", f"\t{TOKEN}"], ids=repr)
def test_what_stands_around_a_token_is_left_out(there: Gx, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", token)
    done = there("dns", "mainnet")
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("token", "what"),
    [
        (f"{TOKEN}\n{TOKEN[::-1]}", "a line end"),
        (f"{TOKEN} {TOKEN[::-1]}", "a blank"),
        (f"{TOKEN}é{TOKEN[::-1]}", "a letter"),
        (f"{TOKEN}\udcff", "a letter"),
        (f"{TOKEN}\x01", "a letter"),
    ],
    ids=ascii,
)
def test_a_token_that_is_no_header_is_one_line_without_it(
    there: Gx, token: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", token)
    done = there("dns", "mainnet")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert f"CLOUDFLARE_API_TOKEN: holds {what} that a header cannot carry" in done.stderr
    assert TOKEN not in done.stderr
    assert TOKEN[::-1] not in done.stderr


@pytest.mark.parametrize("token", [" ", "\n", ""], ids=repr)
def test_a_blank_token_is_none(there: Gx, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", token)
    done = there("dns", "mainnet")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "the zone cannot be read" in done.stderr


RECORD: dict[str, Any] = {"id": "1", "name": "a", "type": "A", "content": "1.2.3.4", "ttl": 1}
INFO = {"total_pages": 1}
NO_PAGES: dict[str, object] = {
    "null": None,
    "a list": [],
    "a text": "log in",
    "no records": {"success": True, "result_info": INFO},
    "null records": {"success": True, "result": None, "result_info": INFO},
    "records by name": {"success": True, "result": {}, "result_info": INFO},
    "a null record": {"success": True, "result": [None], "result_info": INFO},
    "a record without content": {"success": True, "result": [{"id": "1"}], "result_info": INFO},
    "a record without ttl": {"success": True, "result": [{**RECORD, "ttl": None}], "result_info": INFO},
    "nobody says how many pages": {"success": True, "result": [], "result_info": {}},
    "pages without end": {"success": True, "result": [RECORD], "result_info": {"total_pages": 10**9}},
    "no pages": {"success": True, "result": [], "result_info": None},
    "errors of text": {"success": False, "errors": ["no"]},
    "an error without a message": {"success": False, "errors": [{"code": 1}]},
}


@pytest.mark.parametrize("answer", NO_PAGES.values(), ids=list(NO_PAGES))
def test_what_is_no_page_of_records_is_no_empty_zone(answer: object, monkeypatch: pytest.MonkeyPatch) -> None:
    zone, body = Zone(ZONE_ID, "x"), json.dumps(answer)
    answers = httpx.MockTransport(lambda _: httpx.Response(200, text=body))
    monkeypatch.setattr(zone, "_client", httpx.Client(base_url="http://127.0.0.1", transport=answers))
    with zone, pytest.raises(InputError, match=r"no page of records|refused to list records"):
        zone.records()


def test_a_body_that_dribbles_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gx.cluster.zone._LONGEST", 0.3)

    def drops() -> Iterator[bytes]:
        while True:
            time.sleep(0.05)
            yield b" "

    zone = Zone(ZONE_ID, "x")
    answers = httpx.MockTransport(lambda _: httpx.Response(200, content=drops()))
    monkeypatch.setattr(zone, "_client", httpx.Client(base_url="http://127.0.0.1", transport=answers))
    with zone, pytest.raises(InputError, match=r"cannot be reached \(no whole answer within"):
        zone.records()


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("-1", 0),
        ("inf", 1),
        ("nan", 1),
        ("soon", 1),
        ("", 1),
        ("Thu, 01 Jan 2015 00:00:00 GMT", 0),
    ],
)
def test_what_a_server_says_of_waiting_is_understood(said: str, seconds: float) -> None:
    assert retry_after(said) == seconds


@pytest.mark.parametrize(("status", "wait"), [(429, "86400"), (503, "Fri, 01 Jan 2100 00:00:00 GMT")])
def test_nobody_waits_a_day(status: int, wait: str, monkeypatch: pytest.MonkeyPatch) -> None:
    zone = Zone(ZONE_ID, "x")
    answers = httpx.MockTransport(lambda _: httpx.Response(status, text="later", headers={"Retry-After": wait}))
    monkeypatch.setattr(zone, "_client", httpx.Client(base_url="http://127.0.0.1", transport=answers))
    with zone, pytest.raises(InputError, match=f"answered with HTTP {status}; fix: try again later"):
        zone.records()


def test_a_server_that_recovers_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    page = json.dumps({"success": True, "result": [RECORD], "result_info": INFO})
    said = iter([httpx.Response(502, text="<html>"), httpx.Response(200, text=page)])
    zone = Zone(ZONE_ID, "x")
    client = httpx.Client(base_url="http://127.0.0.1", transport=httpx.MockTransport(lambda _: next(said)))
    monkeypatch.setattr(zone, "_client", client)
    with zone:
        assert len(zone.records()) == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [("CLOUDFLARE_BASE_URL", "http://[::1"), ("ALL_PROXY", "socks5://127.0.0.1:1"), ("HTTPS_PROXY", "gopher://x")],
)
def test_an_environment_that_cannot_be_used_is_one_line(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    for ask in (lambda: Zone(ZONE_ID, "x"), published_ranges):
        with pytest.raises(InputError, match=r"the environment: CLOUDFLARE_BASE_URL, HTTPS_PROXY or ALL_PROXY: cannot"):
            ask()
