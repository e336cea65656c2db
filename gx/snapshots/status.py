"""What runs say of themselves in the status bucket: read by `gx backups` and by the metrics of the backup."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from gx.snapshots.config import Environment
from gx.snapshots.folder import Snapshot
from gx.snapshots.model import FailedError
from gx.snapshots.run import say
from gx.snapshots.s3 import get_json, put_json

BACKUP, OFFSITE, DRILL = "backup.json", "offsite.json", "drill.json"
COMPLETE, FAILED = "complete", "failed"


def document(network: str, *, error: str, seconds: float, proven: str | None, **more: object) -> dict[str, Any]:
    """Return what a run says.

    Args:
        network: Whose run it is.
        error: Why it failed; empty if it did not.
        seconds: How long it took.
        proven: Stamp of the newest snapshot that this kind of run has proven; None if this run proved none.
        more: What only this kind of run says.
    """
    return {
        "network": network,
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "state": FAILED if error else COMPLETE,
        "message": error,
        "seconds": round(seconds, 1),
        "proven": proven,
        **more,
    }


def snapshot_rows(snapshots: Iterable[Snapshot]) -> list[dict[str, Any]]:
    """Return what a person wants to know of each snapshot."""
    return [
        {
            "stamp": s.metadata.stamp,
            "objects": s.metadata.objects,
            "bytes": s.metadata.bytes,
            "seconds": s.metadata.seconds,
        }
        for s in snapshots
    ]


def report(environment: Environment, name: str, said: dict[str, Any]) -> None:
    """Write a document to the status bucket; a server that does not take it is a line of the log, no failure.

    What an earlier run has proven stays said when this one failed.
    """
    try:
        place = replace(environment.place(), bucket=environment.text("STATUS_BUCKET"))
        client = place.client(patient=False)
        if said["proven"] is None:
            earlier = get_json(client, place.bucket, name) or {}
            said = {**said, "proven": earlier.get("proven")}
        put_json(client, place.bucket, name, said)
    except (FailedError, BotoCoreError, ClientError) as error:
        say(f"the status could not be written: {error}")
