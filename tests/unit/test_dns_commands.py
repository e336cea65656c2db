"""`gx dns` and `gx edge ranges` against the fake for Cloudflare's API."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.cloudflare_ranges import CLOUDFLARE_RANGES
from tests.helpers.stack import edit, put
from tools.plugins.zone_api import ZONE_ID, Server

Gx = Callable[..., subprocess.CompletedProcess[str]]
MINE = "managed by gx-infra, mainnet"
NODES = ("72.60.210.201", "72.61.116.210", "72.61.81.3")


@pytest.fixture
def there(server: Server, project: Path, gx: Gx, monkeypatch: pytest.MonkeyPatch) -> Gx:
    """Return the command `gx` in a project whose mainnet is in this zone."""
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", server.url)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "token")
    edit(project, "mainnet", put("cloudflare/zoneId", ZONE_ID))
    for address in NODES:
        add(server, "api.gxcoin.money", address)
    add(server, "wallet.gxcoin.money", NODES[2])
    return lambda *arguments: gx(*arguments, cwd=project)


def add(server: Server, name: str, content: str, **more: Any) -> None:
    record = {"name": name, "type": "A", "content": content, "ttl": 1, "proxied": True, "comment": MINE, **more}
    answer = httpx.post(
        f"{server.url}/zones/{ZONE_ID}/dns_records", json=record, headers={"Authorization": "Bearer token"}
    )
    answer.raise_for_status()


def test_a_zone_as_wanted_has_nothing_to_do(there: Gx) -> None:
    shown = there("dns", "mainnet")
    assert shown.returncode == 0, shown.stderr
    assert [line.split()[0] for line in shown.stdout.splitlines()] == ["keep"] * 4


def test_a_drain_shows_what_goes(there: Gx, project: Path) -> None:
    edit(project, "mainnet", put("edge/activeNodes", ["vps2", "vps3"]))
    shown = there("dns", "mainnet")
    assert shown.returncode == 0, shown.stdout
    assert "remove  api.gxcoin.money A 72.60.210.201" in shown.stdout


def test_a_stale_record_of_somebody_else_is_named(there: Gx, server: Server) -> None:
    add(server, "api.gxcoin.money", "217.196.51.190", comment="")
    shown = there("dns", "mainnet")
    assert "stale   api.gxcoin.money A 217.196.51.190" in shown.stdout
    assert "still get their share of the traffic" in shown.stdout


@pytest.mark.parametrize("kind", ["CAA", "TXT", "MX"])
def test_records_of_mail_and_certificates_are_left_alone(there: Gx, server: Server, kind: str) -> None:
    add(server, "api.gxcoin.money", "some content", type=kind, comment="", proxied=False)
    shown = there("dns", "mainnet")
    assert shown.returncode == 0, shown.stderr
    assert [line.split()[0] for line in shown.stdout.splitlines()] == ["keep"] * 4


@pytest.mark.parametrize("kind", ["AAAA", "HTTPS"])
def test_every_record_that_leads_somewhere_is_stale(there: Gx, server: Server, kind: str) -> None:
    add(server, "api.gxcoin.money", "2001:db8::1", type=kind, comment="")
    assert f"stale   api.gxcoin.money {kind} 2001:db8::1" in there("dns", "mainnet").stdout


def test_texts_of_others_are_shown_and_not_obeyed(there: Gx, server: Server) -> None:
    add(server, "api.gxcoin.money", "[/x] :smile: \x1b[31m", type="HTTPS", comment="")
    shown = there("dns", "mainnet")
    assert shown.returncode == 0, shown.stderr
    assert "stale   api.gxcoin.money HTTPS [/x] :smile: \N{REPLACEMENT CHARACTER}[31m" in shown.stdout


def test_the_brake_holds_when_much_of_the_zone_would_go(there: Gx, server: Server, project: Path) -> None:
    for number in range(3):
        add(server, "api.gxcoin.money", f"72.60.210.{number + 10}")
    shown = there("dns", "mainnet")
    assert shown.returncode == 3
    assert "brake: 3 of 7 records of the zone would go at once, more than 30 %" in shown.stdout
    for number in range(4):
        add(server, f"other-{number}.gxcoin.money", "72.60.210.99", comment="")
    assert there("dns", "mainnet").returncode == 0, "3 of 11"
    add(server, "api.gxcoin.money", "72.60.210.13")
    assert there("dns", "mainnet").returncode == 3, "4 of 12"
    edit(project, "mainnet", put("dns/acceptedRemoval", "nodes of an old provider"))
    assert there("dns", "mainnet").returncode == 0


def test_a_new_address_takes_the_place_of_the_old_one(there: Gx, server: Server) -> None:
    """The engine creates before it deletes, so the name is never without an address."""
    for record in server.zone.records.values():
        if record["name"] == "wallet.gxcoin.money":
            record["content"] = "72.60.210.77"
    shown = there("dns", "mainnet")
    assert "create  wallet.gxcoin.money -> 72.61.81.3" in shown.stdout
    assert "remove  wallet.gxcoin.money A 72.60.210.77" in shown.stdout
    assert shown.returncode == 0


def test_without_a_token_it_says_so(there: Gx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
    shown = there("dns", "mainnet")
    assert shown.returncode == 2
    assert "the zone cannot be read; fix: set it, and CLOUDFLARE_API_TOKEN" in shown.stderr


def test_pinned_ranges_are_compared_with_the_published_ones(there: Gx, server: Server) -> None:
    server.ranges = list(CLOUDFLARE_RANGES)
    shown = there("edge", "ranges")
    assert (shown.returncode, shown.stdout.strip()) == (0, "the 15 pinned ranges are those that Cloudflare publishes")
    server.ranges = [*CLOUDFLARE_RANGES[1:], "198.18.0.0/15"]
    shown = there("edge", "ranges")
    assert shown.returncode == 1
    assert "new: 198.18.0.0/15: users who come from it are reset" in shown.stdout
    assert f"gone: {CLOUDFLARE_RANGES[0]}" in shown.stdout


def test_an_empty_list_of_ranges_is_no_answer(there: Gx, server: Server) -> None:
    server.ranges = []
    shown = there("edge", "ranges")
    assert shown.returncode == 2
    assert "holds no ranges: nothing was compared" in shown.stderr
