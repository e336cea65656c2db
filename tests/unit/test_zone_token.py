"""The token of Cloudflare's API as people paste it: used without its line end, or refused without being shown."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.errors import InputError
from gx.cluster.zone import Zone
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
