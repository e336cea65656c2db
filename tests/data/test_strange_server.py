"""Servers that answer what MinIO never would: names that lead elsewhere, listings that cannot be trusted."""

import json
from pathlib import Path

import pytest

from tests.data.servers import BUCKET, Minio, Runs
from tests.data.test_backup import require_proven
from tests.helpers.strange_server import StrangeServer


@pytest.fixture
def strange_runs(strange: StrangeServer, tmp_path: Path) -> Runs:
    """Return the backup's runs against it."""
    (tmp_path / "volume").mkdir()
    unused = Minio(tmp_path / "unused")
    return Runs(unused, tmp_path / "volume", {"S3_ENDPOINT": strange.url})


def test_names_that_lead_elsewhere_stay_inside_the_snapshot(
    strange: StrangeServer, strange_runs: Runs, tmp_path: Path
) -> None:
    names = ["../../../escape", "/etc/passwd", "a/../../../../escape", "a/./b", "a//b", "plain"]
    strange.objects = {name: name.encode() for name in sorted(names)}
    before = {path for path in tmp_path.rglob("*") if "volume" not in path.parts and "tmp" not in path.parts}
    stamp = strange_runs.backup()
    assert require_proven(strange_runs, stamp) == strange.objects
    after = {path for path in tmp_path.rglob("*") if "volume" not in path.parts and "tmp" not in path.parts}
    assert after == before
    assert not (tmp_path / "escape").exists()


def test_an_object_and_objects_below_it(strange: StrangeServer, strange_runs: Runs) -> None:
    strange.objects = {name: name.encode() for name in sorted(["a", "a-b", "a/b", "a/b/c"])}
    assert require_proven(strange_runs, strange_runs.backup()) == strange.objects


@pytest.mark.parametrize("names", [["b", "a"], ["a", "a"]], ids=["out of order", "twice"])
def test_a_listing_out_of_order_is_not_trusted(strange: StrangeServer, strange_runs: Runs, names: list[str]) -> None:
    strange.objects = {f"{name}{number if len(set(names)) > 1 else ''}": b"x" for number, name in enumerate(names)}
    if len(set(names)) == 1:
        strange.endless = True
    code, output = strange_runs.run("take")
    assert code == 1
    assert "is listed out of order" in output
    assert strange_runs.snapshots() == []


def test_a_server_that_returns_other_bytes_than_it_lists(strange: StrangeServer, strange_runs: Runs) -> None:
    strange.objects = {"files/a": b"true"}
    strange.corrupt = {"files/a"}
    code, output = strange_runs.run("take")
    assert code == 1
    assert "'files/a': what was read differs from what the server lists" in output
    assert strange_runs.snapshots() == []


@pytest.mark.parametrize(("busy", "complete"), [(1, True), (4, False), (10, False)])
def test_a_server_that_is_too_busy_for_some_objects(
    strange: StrangeServer, strange_runs: Runs, busy: int, complete: bool
) -> None:
    strange.objects = {f"files/{number}": b"x" for number in range(10)}
    strange.busy = set(sorted(strange.objects)[:busy])
    code, output = strange_runs.run("take")
    if complete:
        assert "complete but for 1 object ('files/0': SlowDown: later)" in output
        kept = require_proven(strange_runs, strange_runs.snapshots()[0])
        assert kept.keys() == strange.objects.keys() - strange.busy
    else:
        assert (code, strange_runs.snapshots()) == (1, []), output
        assert f"the server does not give {busy} of 10 objects" in output


@pytest.mark.parametrize("answer", ["busy", "gone"])
def test_an_object_whose_headers_are_not_given_costs_no_other(
    strange: StrangeServer, strange_runs: Runs, answer: str
) -> None:
    """The listing gives it another time, so it is linked and asked for again; then nothing of it may stay."""
    strange.objects = {f"files/{number}": b"x" for number in range(10)}
    manifest = strange_runs.volume / "snapshots" / strange_runs.backup() / "manifest.jsonl"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join([lines[0].replace("06:00:00", "06:00:01"), *lines[1:]]))
    getattr(strange, answer).add("files/0")
    stamp = strange_runs.backup()
    assert require_proven(strange_runs, stamp).keys() == strange.objects.keys() - {"files/0"}
    left_out = json.loads((strange_runs.volume / "snapshots" / stamp / "metadata.json").read_text())["left_out"]
    assert left_out == (answer == "busy")


def test_a_slow_server_is_waited_for(strange: StrangeServer, strange_runs: Runs) -> None:
    strange.objects = {f"files/{number:02}": b"x" for number in range(20)}
    strange.slow = 0.5
    assert require_proven(strange_runs, strange_runs.backup()) == strange.objects


@pytest.mark.parametrize("page", [b"<html><body>Log in<br></body></html>", b"", b"<ListBucketResult/>"])
def test_a_page_that_is_no_listing(strange: StrangeServer, strange_runs: Runs, page: bytes) -> None:
    strange.pages = {"": page}
    code, output = strange_runs.run("take")
    assert code == 1
    assert f"cannot list {BUCKET}" in output
    assert strange_runs.snapshots() == []
