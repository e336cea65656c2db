"""Servers that answer what MinIO never would: names that lead elsewhere, listings that cannot be trusted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data.servers import BUCKET, Minio, Runs
from tests.data.test_backup import require_proven
from tests.helpers.strange_server import StrangeServer, running


@pytest.fixture
def strange() -> Iterator[StrangeServer]:
    """Run a server."""
    with running({}) as server:
        yield server


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
    code, output = strange_runs.run("backup")
    assert code == 1
    assert "is listed out of order" in output
    assert strange_runs.snapshots() == []


def test_a_server_that_returns_other_bytes_than_it_lists(strange: StrangeServer, strange_runs: Runs) -> None:
    strange.objects = {"files/a": b"true"}
    strange.corrupt = {"files/a"}
    code, output = strange_runs.run("backup")
    assert code == 1
    assert "'files/a' differs from what the server lists" in output
    assert strange_runs.snapshots() == []


@pytest.mark.parametrize("page", [b"<html><body>Log in<br></body></html>", b"", b"<ListBucketResult/>"])
def test_a_page_that_is_no_listing(strange: StrangeServer, strange_runs: Runs, page: bytes) -> None:
    strange.pages = {"": page}
    code, output = strange_runs.run("backup")
    assert code == 1
    assert f"cannot list {BUCKET}" in output
    assert strange_runs.snapshots() == []
