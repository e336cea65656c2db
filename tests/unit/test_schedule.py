"""Schedules mean to gx what they mean to Kubernetes: the runs are what robfig/cron v3.0.1 gives from 2025-01-01 on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from settings.schedule import check_schedule, longest_interval, runs, shortest_interval
from tests.helpers.stack import mistake, put

TAKEN = [
    ("0 */6 * * *", "2025-01-01T06:00 2025-01-01T12:00 2025-01-01T18:00"),
    ("0 3 */2 * 0", "2025-01-01T03:00 2025-01-03T03:00 2025-01-05T03:00"),
    ("0 3 1-31 * 0", "2025-01-01T03:00 2025-01-02T03:00 2025-01-03T03:00"),
    ("0 3 * * */2", "2025-01-02T03:00 2025-01-04T03:00 2025-01-05T03:00"),
    ("0 3 13 * FRI", "2025-01-03T03:00 2025-01-10T03:00 2025-01-13T03:00"),
    ("30 4 1,15 * 5", "2025-01-01T04:30 2025-01-03T04:30 2025-01-10T04:30"),
    ("5/20 0 1 JAN *", "2025-01-01T00:05 2025-01-01T00:25 2025-01-01T00:45"),
    ("0 0 ? * sun-tue", "2025-01-05T00:00 2025-01-06T00:00 2025-01-07T00:00"),
    ("0 22 * */1 1", "2025-01-06T22:00 2025-01-13T22:00 2025-01-20T22:00"),
    ("0 0 */1 * 3", "2025-01-08T00:00 2025-01-15T00:00 2025-01-22T00:00"),
    ("0 0 29 2 *", "2028-02-29T00:00 2032-02-29T00:00 2036-02-29T00:00"),
    ("0 0 31 4,5 *", "2025-05-31T00:00 2026-05-31T00:00 2027-05-31T00:00"),
    ("0 0 31 4 0", "2025-04-06T00:00 2025-04-13T00:00 2025-04-20T00:00"),
    ("@daily", "2025-01-02T00:00 2025-01-03T00:00 2025-01-04T00:00"),
    ("@weekly", "2025-01-05T00:00 2025-01-12T00:00 2025-01-19T00:00"),
    ("@yearly", "2026-01-01T00:00 2027-01-01T00:00 2028-01-01T00:00"),
    ("@annually", "2026-01-01T00:00 2027-01-01T00:00 2028-01-01T00:00"),
    ("@monthly", "2025-02-01T00:00 2025-03-01T00:00 2025-04-01T00:00"),
    ("@midnight", "2025-01-02T00:00 2025-01-03T00:00 2025-01-04T00:00"),
    ("@hourly", "2025-01-01T01:00 2025-01-01T02:00 2025-01-01T03:00"),
]
REFUSED = (
    "0 3 * * 7",
    "0 3 L * *",
    "0 3 * * 5#2",
    "0 3 15W * *",
    "@reboot",
    "0 0 0 * *",
    "60 * * * *",
    "*/0 * * * *",
    "0 5-3 * * *",
    "0 0 * *",
    "0 0 0 * * *",
    "every 6 hours",
    "0 3 * * monday",
    "@every 6",
    "@every",
    "TZ=UTC 0 3 * * *",
    "0 3 ٣ * *",
)


@pytest.mark.parametrize(("text", "times"), TAKEN)
def test_a_schedule_runs_when_kubernetes_runs_it(text: str, times: str) -> None:
    assert check_schedule(text) == text
    found = runs(text, datetime(2025, 1, 1, tzinfo=UTC))
    assert [next(found).strftime("%Y-%m-%dT%H:%M") for _ in range(3)] == times.split()


@pytest.mark.parametrize("text", REFUSED)
def test_what_kubernetes_refuses_is_refused_in_one_line(project: Path, text: str) -> None:
    line = mistake(project, "mainnet", put("backup/schedule", text))
    assert line.startswith("Pulumi.mainnet.yaml: gx-infra:backup.schedule = ")


def test_a_schedule_that_never_runs_is_refused() -> None:
    with pytest.raises(ValueError, match="would never start a run"):
        check_schedule("0 3 30 2 *")


def test_intervals_are_those_between_the_runs() -> None:
    assert shortest_interval("@every 1h30m") == longest_interval("@every 1h30m") == timedelta(minutes=90)
    assert shortest_interval("@daily") == longest_interval("@daily") == timedelta(days=1)
    assert shortest_interval("0 3 */2 * 0") == timedelta(days=1), "a Sunday beside a day that counts"
    assert longest_interval("0 3 */2 * 0") == timedelta(days=2)


def test_a_word_can_be_the_schedule_of_a_backup(project: Path) -> None:
    line = mistake(project, "mainnet", put("backup/schedule", "@every 30m"))
    assert "starts a run every 30 min, one may take 60 min" in line
