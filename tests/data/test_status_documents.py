"""A status counts only if it says all that a run says: what is missing is not taken for good."""

import json
from pathlib import Path
from typing import Any

import pytest

from backup.metrics import StatusCollector, families, read_status
from backup.s3 import BucketLocation
from backup.snapshot import FailedError
from common.errors import InputError
from gx.backups.overview import overview
from settings.offline import offline_settings
from tests.helpers.strange_server import StrangeServer

STATUS, STAMP = "gx-backup-status", "20251225T060000Z"
RUN: dict[str, Any] = {
    "network": "devnet",
    "ended": "2025-12-25T06:01:00+00:00",
    "state": "complete",
    "message": "",
    "seconds": 60.0,
    "proven": STAMP,
}
ROW: dict[str, Any] = {"stamp": STAMP, "objects": 1, "bytes": 2, "seconds": 3.0}
BACKUP: dict[str, Any] = {**RUN, "snapshots": [ROW], "broken": [], "freeBytes": 5}


@pytest.fixture
def location(strange: StrangeServer) -> BucketLocation:
    """Return its status bucket."""
    return BucketLocation(endpoint=strange.url, bucket=STATUS, access_key="some", secret_key="some-secret")


def write(strange: StrangeServer, **documents: dict[str, Any]) -> None:
    for name, said in documents.items():
        strange.stored[f"/{STATUS}/{name}.json"] = json.dumps(said).encode()


def readable(location: BucketLocation) -> float:
    collector = StatusCollector()
    collector.refresh(location)
    found = {family.name: family for family in collector.collect()}
    return found["gx_backup_status_readable"].samples[0].value


WRONG: dict[str, list[object]] = {
    "network": [None, 1],
    "ended": [None, "yesterday", "2025-12-25T06:01:00", 1],
    "state": [None, "", "running", True, ["complete"]],
    "message": [None, 1],
    "seconds": [None, "60", True],
    "proven": [None, "", "yesterday", 1],
    "snapshots": [None, {}, ["x"], [{**ROW, "stamp": "x"}], [{**ROW, "objects": None}], [{"stamp": STAMP}]],
    "broken": [None, "", [1]],
    "freeBytes": [None, "5"],
}
CASES = [(key, value) for key, values in WRONG.items() for value in values]


@pytest.mark.parametrize("left_out", BACKUP)
def test_a_field_that_is_missing_is_named(
    strange: StrangeServer, location: BucketLocation, project: Path, left_out: str
) -> None:
    write(strange, backup={key: value for key, value in BACKUP.items() if key != left_out})
    with pytest.raises(FailedError, match=f"backup.json of {STATUS} cannot be used: (it says complete|{left_out} is)"):
        read_status(location)
    with pytest.raises(InputError, match="cannot be used"):
        overview(offline_settings("devnet", project), location, None)
    assert readable(location) == 0


@pytest.mark.parametrize(("key", "value"), CASES, ids=[f"{key}={value}" for key, value in CASES])
def test_a_value_that_no_run_writes_is_refused(
    strange: StrangeServer, location: BucketLocation, key: str, value: object
) -> None:
    write(strange, backup=BACKUP | {key: value})
    with pytest.raises(FailedError, match="cannot be used"):
        read_status(location)


def test_what_runs_write_is_read(strange: StrangeServer, location: BucketLocation, project: Path) -> None:
    failed = RUN | {"state": "failed", "message": "why", "proven": None}
    write(strange, backup=BACKUP, offsite=failed, drill=RUN | {"stamp": STAMP})
    found = overview(offline_settings("devnet", project), location, None)
    assert [(row.stamp, row.drill) for row in found.rows] == [(STAMP, "passed")]
    assert readable(location) == 1


def test_a_backup_that_failed_before_it_could_look_is_read(strange: StrangeServer, location: BucketLocation) -> None:
    write(strange, backup=RUN | {"state": "failed", "message": "why"})
    names = {family.name for family in families(read_status(location))}
    assert "gx_backup_run_success" in names
    assert "gx_backup_snapshots" not in names, "none is a statement, too"


def test_a_status_of_another_network_is_refused(
    strange: StrangeServer, location: BucketLocation, project: Path
) -> None:
    write(strange, drill=RUN | {"network": "testnet", "stamp": STAMP})
    with pytest.raises(InputError, match="the status of drill is of another network: testnet"):
        overview(offline_settings("devnet", project), location, None)


@pytest.mark.parametrize(
    "drill", [{"stamp": STAMP, "proven": "20251224T060000Z"}, {"stamp": STAMP, "state": "failed", "message": "rotten"}]
)
def test_a_drill_passed_only_with_the_snapshot_that_it_has_proven(
    strange: StrangeServer, location: BucketLocation, project: Path, drill: dict[str, Any]
) -> None:
    write(strange, backup=BACKUP, drill=RUN | drill)
    found = overview(offline_settings("devnet", project), location, None)
    assert "passed" not in found.rows[0].drill
