"""The series that our alerts read, as the real exporters name them."""

import re
import time
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError
from prometheus_client.core import Metric

from backup.metrics import families
from settings.monitoring.metrics import METRICS
from tests.data.conftest import needed_binaries
from tests.data.servers import BUCKET, Minio

LATER = 45
"""Seconds: MinIO keeps what it last said for ten."""


def exported(by: str) -> set[str]:
    return {name for name, series in METRICS.items() if series.exporter == by}


def said(server: Minio) -> dict[str, set[str]]:
    """Return the names of labels by name of the series that MinIO exports where the pods' annotation points."""
    text = httpx.get(f"{server.url}/minio/v2/metrics/cluster").raise_for_status().text
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(\w+)(?:\{([^}]*)\})? ", text, re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    return found


@pytest.fixture
def minio_with_metrics(tmp_path: Path) -> Minio:
    needed_binaries()
    return Minio(tmp_path / "minio", MINIO_PROMETHEUS_AUTH_TYPE="public")


def test_minio_says_what_alerts_and_panels_read(minio_with_metrics: Minio) -> None:
    failures, server = "minio_s3_requests_5xx_errors_total", minio_with_metrics.start()
    try:
        for _ in range(3):  # on a busy machine it counts a request that came while it started
            if failures not in said(server):
                break
            server.kill()
            server.start()
        client = server.client()
        client.create_bucket(Bucket=BUCKET)
        client.put_object(Bucket=BUCKET, Key="a", Body=b"x")
        assert failures not in said(server), "absent until the first failure: a rate over it is empty, and quiet"
        with pytest.raises(ClientError, match="NotImplemented"):
            client.get_public_access_block(Bucket=BUCKET)  # answered with 501
        until = time.monotonic() + LATER
        while failures not in (found := said(server)):
            assert time.monotonic() < until, sorted(found)
            time.sleep(1)
        assert exported("minio") <= set(found)
        for name in exported("minio"):
            assert found[name] - {"le"} <= set(METRICS[name].labels), name
    finally:
        server.kill()


def test_the_backups_metrics_have_the_names_that_alerts_read() -> None:
    run = {"state": "complete", "ended": "2026-01-02T03:04:05+00:00", "seconds": 3.0, "proven": "20260102T030405Z"}
    backup = {**run, "snapshots": [{"objects": 1, "bytes": 2}], "broken": [], "freeBytes": 3}
    found: list[Metric] = list(families({"backup": backup, "offsite": run, "drill": run}))
    names = {family.name for family in found} | {"gx_backup_status_readable"}  # of the collector itself
    assert exported("backup-metrics") <= names
    for family in found:
        for sample in family.samples:
            if sample.name in METRICS:
                assert set(sample.labels) <= set(METRICS[sample.name].labels)
