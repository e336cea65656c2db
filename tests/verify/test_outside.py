"""Every check from outside, seen passing on a fake that works and failing on one that is broken there."""

import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import InputError
from gx.cluster.zone import Record
from gx.verify.edge import HTTPS
from gx.verify.endpoints import GUARDED, OPEN
from gx.verify.model import Outcome
from tests.verify.authority import Authority
from tests.verify.conftest import Verifier

PLACED = {"from inside"}
"""What needs a cluster is tried in test_inside.py."""
HOST = "devnet.gxcoin.money"


def test_a_network_that_works_passes_everything_and_is_left_as_it_was(verifier: Verifier) -> None:
    results = verifier.run()
    assert {name for name, result in results.items() if result.outcome is not Outcome.PASSED} == PLACED
    assert verifier.removed == list(verifier.fake.files)
    assert sorted(verifier.fake.requests.values()) == ["PAID", "PAID"], "the amount went and came back"


BREAKS = [
    ("other service", "GET /health", "'healthy' instead of 'ok'"),
    ("unguarded", "GET /api/v1/messages", "answered 200 instead of 401"),
    ("no scripts", "URLs in the wallet's scripts", "no script of its own"),
    ("scripts of mainnet", "URLs in the wallet's scripts", "api.gxcoin.money: the image was built for another network"),
    ("scripts of a developer", "URLs in the wallet's scripts", "localhost"),
    ("scripts without the API", "URLs in the wallet's scripts", "without NEXT_PUBLIC_API_URL"),
    ("foreign login", "wallet /messages leads to the login", "login.example.com"),
    ("localhost in NextAuth", "wallet's own host in NextAuth", "localhost"),
    ("no provider", "wallet's own host in NextAuth", "nobody can log in"),
    ("no upgrade", "Socket.IO by polling", "no upgrade to WebSocket"),
    ("no Socket.IO", "Socket.IO by polling", "answered 404"),
    ("other replica", "Socket.IO upgraded to WebSocket", "no WebSocket"),
    ("password changed", "alice.johnson logs in", "answered 401"),
    ("no token", "bob.williams logs in", "without accessToken"),
    ("alias refused", "conversation", "answered 500"),
    ("two conversations", "conversation", "two conversations"),
    ("not sent", "message", "'FAILED' instead of 'SENT'"),
    ("not listed", "list of conversations", "does not list the conversation"),
    ("no storage", "file sent", "without fileStorageKey"),
    ("damaged file", "file opened", "other bytes than were sent"),
    ("cannot pay", "Q Send: paid", "answered 400"),
    ("stays unpaid", "Q Send: state", "'ACTIVE' instead of 'PAID'"),
]


@pytest.mark.parametrize(("fault", "check", "words"), BREAKS, ids=[fault for fault, _, _ in BREAKS])
def test_a_broken_part_is_found_by_its_check(verifier: Verifier, fault: str, check: str, words: str) -> None:
    verifier.fake.broken.add(fault)
    failures = verifier.failures()
    assert check in failures, failures
    assert words in failures[check]


PATHS = [
    *((f"/api/v1/{path}", f"GET /api/v1/{path}") for path in (*GUARDED, *OPEN)),
    ("/health", "GET /health"),
    ("/", "wallet /"),
    ("/login", "wallet /login"),
    ("/messages", "wallet /messages leads to the login"),
    ("/api/auth/providers", "wallet's own host in NextAuth"),
    ("/socket.io/", "Socket.IO by polling"),
    ("/_next/static/chunks/main.js", "URLs in the wallet's scripts"),
    ("/api/v1/qsend", "Q Send: request"),
]


def test_every_endpoint_is_seen_failing(verifier: Verifier) -> None:
    verifier.fake.faults.update({path: "503" for path, _ in PATHS})
    failures = verifier.failures()
    for path, check in PATHS:
        assert "answered 503" in failures[check], path


def test_every_check_is_seen_failing_somewhere() -> None:
    seen = {check for _, check, _ in BREAKS} | {check for _, check in PATHS}
    alone = {"reply", "cleaned up", f"DNS {HOST}", f"TLS {HOST}", "node vps4"}  # below
    assert "message" in seen
    from gx.verify.checks import all_checks  # noqa: PLC0415 the list that is compared
    from gx.verify.flow import UserFlow  # noqa: PLC0415
    from gx.verify.outside import Outside  # noqa: PLC0415
    from gx.verify.web import Web  # noqa: PLC0415
    from tests.verify.conftest import DEVNET  # noqa: PLC0415

    outside = Outside(settings=DEVNET, web=Web())
    names = {check.name for check in all_checks(outside, None, UserFlow(outside=outside, password="x"))}
    assert names - PLACED == seen | alone


def test_a_reply_that_is_refused(verifier: Verifier) -> None:
    verifier.fake.faults["/api/v1/messages/conversations/c1"] = "403"
    results = verifier.run()
    assert "answered 403" in results["message"].text
    assert results["reply"].outcome is Outcome.SKIPPED
    assert results["reply"].text == "not tried: message did not pass"


def test_what_cannot_be_taken_back_is_named(verifier: Verifier) -> None:
    verifier.fake.broken |= {"cannot pay", "cannot cancel"}
    assert "left behind: request QS-" in verifier.failures()["cleaned up"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("html", "with text/html instead of JSON"),
        ("loop", "answered 302 to /health instead of 200"),
        ("drop", "https://devnet.gxcoin.money/health: "),
    ],
)
def test_a_strange_answer_is_a_finding(verifier: Verifier, fault: str, words: str) -> None:
    verifier.fake.faults["/health"] = fault
    assert words in verifier.failures()["GET /health"]


def test_an_answer_without_end_is_not_read_to_its_end(verifier: Verifier) -> None:
    verifier.fake.faults["/health"] = "huge"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    failures = verifier.failures()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert "more than 8 MiB" in failures["GET /health"]
    assert grown < 200, f"{grown:.0f} MiB for ten gigabytes"


def test_a_slow_server_ends_with_the_deadline(verifier: Verifier) -> None:
    verifier.fake.faults["/health"] = "slow"
    began = time.monotonic()
    failures = verifier.failures(deadline=4)
    assert time.monotonic() - began < 8
    assert failures["GET /health"] == "no answer within the 4 s that all checks have together"
    assert set(failures) == {"GET /health", "node vps4"}, "the others did not wait for it"


def test_nobody_at_the_address(verifier: Verifier) -> None:
    verifier.fake.port, port = 1, verifier.fake.port
    try:
        failures = verifier.failures()
    finally:
        verifier.fake.port = port
    assert "take it out of DNS" in failures["node vps4"]
    assert f"TLS {HOST}" in failures
    assert len(failures) > 15


def test_a_certificate_of_an_unknown_authority(verifier_with: Callable[..., Verifier], tmp_path: Path) -> None:
    other = Authority.create(tmp_path / "other.crt")
    failures = verifier_with(by=other).failures()
    assert "its certificate is refused" in failures[f"TLS {HOST}"]
    assert "its certificate is refused" in failures["GET /health"]
    assert "node vps4" not in failures, "Cloudflare in mode full takes any authority's"


def test_a_certificate_of_another_name(verifier_with: Callable[..., Verifier]) -> None:
    failures = verifier_with(hosts=("wallet.gxcoin.money",)).failures()
    assert "refused" in failures[f"TLS {HOST}"]
    assert "the certificate is for wallet.gxcoin.money" in failures["node vps4"]


def test_a_certificate_that_ends_soon(verifier_with: Callable[..., Verifier]) -> None:
    failures = verifier_with(days=5).failures()
    assert set(failures) == {f"TLS {HOST}", "node vps4"}
    assert "ends in 4 days; 14 are needed" in failures[f"TLS {HOST}"]


def test_a_certificate_that_has_ended(verifier_with: Callable[..., Verifier]) -> None:
    assert "expired" in verifier_with(days=-1).failures()[f"TLS {HOST}"]


def test_dns_that_leads_elsewhere(verifier: Verifier) -> None:
    verifier.dns.address = "203.0.114.9"
    assert "leads to 203.0.114.9 instead of 217.196.51.190" in verifier.failures()[f"DNS {HOST}"]


def test_a_name_that_is_not_there(verifier: Verifier) -> None:
    verifier.dns.address = None
    assert "DNS" in verifier.failures()[f"DNS {HOST}"]


def record(content: str, kind: str = "A", *, proxied: bool = True) -> Record:
    return Record(identifier="1", name=HOST, type=kind, content=content, ttl=1, proxied=proxied)


GOOD = record("217.196.51.190")
ZONES: list[tuple[list[Record], str]] = [
    ([], "217.196.51.190 is missing"),
    ([GOOD, record("72.60.210.201")], "72.60.210.201 is no node that should serve"),
    ([record("217.196.51.190", proxied=False)], "217.196.51.190 is not proxied"),
    ([GOOD, record("elsewhere.example.com", "CNAME")], "there is a CNAME record beside"),
]


@pytest.mark.parametrize(("records", "words"), ZONES, ids=[words for _, words in ZONES])
def test_a_record_of_the_zone_that_is_wrong(verifier: Verifier, records: list[Record], words: str) -> None:
    verifier.zone = lambda _: records
    failures = verifier.failures()
    assert set(failures) == {f"records of {HOST}"}
    assert words in failures[f"records of {HOST}"]


def test_the_records_of_the_zone_are_looked_at_where_it_can_be_read(verifier: Verifier) -> None:
    verifier.zone = lambda _: [GOOD]
    assert verifier.run()[f"records of {HOST}"].outcome is Outcome.PASSED

    def refused(_: str) -> list[Record]:
        raise InputError(file="DNS zone x", consequence="refused to list records", fix="give the token a right")

    verifier.zone = refused
    assert "refused to list records" in verifier.failures()[f"records of {HOST}"]


def test_every_route_leads_to_this_machine(verifier: Verifier) -> None:
    assert {address for address, _ in verifier.routes.values()} == {"127.0.0.1"}
    assert {port for _, port in verifier.routes} == {HTTPS}
