"""`gx reach` as a user uses it: a table, an answer with its reason, and the line that a wrong name gets."""

import json
import subprocess
from collections.abc import Callable

Gx = Callable[..., subprocess.CompletedProcess[str]]


def test_both_names_get_an_answer_with_its_reason(gx: Gx) -> None:
    allowed = gx("reach", "mainnet", "--from", "svc-messaging", "--to", "minio").stdout
    assert allowed.startswith(
        "svc-messaging -> minio 9000/TCP: allowed\n"
        "  out of svc-messaging: allowed by gx-svc-messaging\n"
        "  into minio: allowed by gx-minio\n"
    )
    denied = gx("reach", "mainnet", "--from", "internet", "--to", "minio").stdout
    assert "internet -> minio 9000/TCP: denied" in denied
    assert "out of internet: lies outside the cluster, where no policy counts" in denied
    assert "into minio: no rule names it in default-deny-all, gx-minio" in denied


def test_the_table_can_be_narrowed(gx: Gx) -> None:
    one = gx("reach", "mainnet", "--to", "redis").stdout
    assert "6379/TCP" in one
    assert "9000/TCP" not in one
    other = gx("reach", "mainnet", "--from", "clamav").stdout
    assert "internet" in other
    assert "svc-messaging" not in other


def test_json_holds_every_answer(gx: Gx) -> None:
    rows = json.loads(gx("reach", "mainnet", "--json").stdout)
    metadata = next(row for row in rows if row["target"] == "cloud-metadata")
    assert metadata["sources"] == []
    edge = next(row for row in rows if row["target"] == "edge-proxy" and row["port"] == 8443)
    assert edge["sources"] == ["cloudflare"]


def test_a_wrong_name_gets_one_line(gx: Gx) -> None:
    wrong = gx("reach", "mainnet", "--from", "svc-mesaging")
    assert wrong.returncode == 2
    assert wrong.stderr == "mainnet: svc-mesaging: nothing on this network is called so; fix: write svc-messaging\n"
