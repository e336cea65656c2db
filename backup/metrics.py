"""The backup's state as metrics: `python -m backup.metrics` serves what the runs wrote to the status bucket."""

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client import start_http_server
from prometheus_client.core import CollectorRegistry, GaugeMetricFamily, Metric

from backup import status
from backup.config import RunEnvironment
from backup.run import finish, say
from backup.s3 import BucketLocation
from backup.snapshot import FailedError, moment_of

REFRESH_SECONDS = 30
RUNS = {"backup": status.BACKUP, "offsite": status.OFFSITE, "drill": status.DRILL}

Documents = dict[str, dict[str, Any] | None]


def read_status(location: BucketLocation) -> Documents:
    """Return what each kind of run said last, None where it never said anything.

    Raises:
        FailedError: The status bucket cannot be read, or a document does not say all that a run says.
    """
    client = location.client(patient=False)
    return {run: status.read(client, location.bucket, name) for run, name in RUNS.items()}


def families(documents: Documents) -> Iterator[Metric]:
    """Yield the metrics of what the runs said."""
    success = GaugeMetricFamily("gx_backup_run_success", "1 if the last run came to its end", labels=["run"])
    ended = GaugeMetricFamily("gx_backup_run_ended_timestamp_seconds", "When the last run ended", labels=["run"])
    seconds = GaugeMetricFamily("gx_backup_run_duration_seconds", "How long the last run took", labels=["run"])
    proven = GaugeMetricFamily(
        "gx_backup_proven_timestamp_seconds",
        "When the newest snapshot was taken that this kind of run has proven",
        labels=["run"],
    )
    for run, said in documents.items():
        if said is None:
            continue
        success.add_metric([run], float(said["state"] == status.COMPLETE))
        ended.add_metric([run], datetime.fromisoformat(said["ended"]).timestamp())
        seconds.add_metric([run], said["seconds"])
        if (stamp := said.get("proven")) is not None:
            proven.add_metric([run], moment_of(stamp).timestamp())
    yield from (success, ended, seconds, proven)
    yield from _snapshots(documents["backup"])


def _snapshots(said: dict[str, Any] | None) -> Iterator[Metric]:
    if said is None or "snapshots" not in said:  # it failed before it could look
        return
    rows: list[dict[str, Any]] = said["snapshots"]
    yield GaugeMetricFamily("gx_backup_snapshots", "Complete snapshots on the volume", value=len(rows))
    yield GaugeMetricFamily("gx_backup_broken_snapshots", "Folders without a valid proof", value=len(said["broken"]))
    yield GaugeMetricFamily("gx_backup_volume_free_bytes", "Free where the volume lies", value=said["freeBytes"])
    if rows:
        yield GaugeMetricFamily("gx_backup_objects", "Objects of the newest snapshot", value=rows[-1]["objects"])
        left_out = rows[-1].get("leftOut", 0)  # runs of the first edition leave out nothing
        yield GaugeMetricFamily("gx_backup_left_out_objects", "Listed and not in the newest snapshot", value=left_out)
        yield GaugeMetricFamily("gx_backup_bytes", "Bytes of the newest snapshot", value=rows[-1]["bytes"])


class StatusCollector:
    """What the runs said when the status bucket was read last; a server that hangs never holds up Prometheus."""

    def __init__(self) -> None:
        self._documents: Documents | None = None

    def refresh(self, location: BucketLocation) -> None:
        """Read the status bucket."""
        try:
            self._documents = read_status(location)
        except (FailedError, BotoCoreError, ClientError) as error:
            say(f"the status cannot be read: {error}")
            self._documents = None

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; gx_backup_status_readable is 0 while the bucket cannot be read."""
        documents = self._documents
        readable = float(documents is not None)
        yield GaugeMetricFamily("gx_backup_status_readable", "1 if the status bucket can be read", value=readable)
        if documents is not None:
            yield from families(documents)


def main() -> None:
    """Serve the metrics until the pod is stopped."""
    environment = RunEnvironment()
    location = replace(environment.location(), bucket=environment.text("STATUS_BUCKET"))
    collector = StatusCollector()
    registry = CollectorRegistry()
    registry.register(collector)  # type: ignore[arg-type]
    start_http_server(int(environment.number("METRICS_PORT")), registry=registry)
    while True:
        collector.refresh(location)
        time.sleep(REFRESH_SECONDS)


if __name__ == "__main__":
    sys.exit(finish("backup metrics", main))
