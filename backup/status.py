"""What runs say of themselves in the status bucket: read by `gx backups` and by the metrics of the backup."""

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from backup.config import RunEnvironment
from backup.documents import get_json, put_json
from backup.folder import Snapshot
from backup.run import say, why
from backup.snapshot import STAMP, FailedError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BACKUP, OFFSITE, DRILL = "backup.json", "offsite.json", "drill.json"
COMPLETE, FAILED = "complete", "failed"

Facts = Mapping[str, object]


@dataclass
class Said:
    """What a run adds to its status while it goes.

    Attributes:
        proven: Stamp of the snapshot that this run proves; it counts only if the run comes to its end.
        message: What a run that came to its end has to say all the same.
        more: What only this kind of run says.
    """

    proven: str | None = None
    message: str = ""
    more: dict[str, object] = field(default_factory=dict[str, object])


@contextmanager
def reported(environment: RunEnvironment, name: str, facts: Callable[[], Facts] = dict) -> Generator[Said]:
    """Say in the status bucket how the run inside ends: "complete" only if it comes to its end, whatever stops it.

    Args:
        environment: Where the status bucket is.
        name: The document.
        facts: What is said of a run however it ended; a run that came to its end must be able to say it.
    """
    said, started = Said(), time.monotonic()
    done, message = False, ""
    try:
        yield said
        said.more.update(facts())
        done, message = True, said.message
    except BaseException as error:
        message = why(error)
        with suppress(Exception):  # the run's own error is what is said
            said.more.update(facts())
        raise
    finally:
        document = {
            **said.more,
            "network": environment.text("NETWORK", ""),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "state": COMPLETE if done else FAILED,
            "message": message,
            "seconds": round(time.monotonic() - started, 1),
            "proven": said.proven if done else None,
        }
        _write(environment, name, document)


def snapshot_rows(snapshots: Iterable[Snapshot]) -> list[dict[str, Any]]:
    """Return what an operator wants to know of each snapshot."""
    return [
        {
            "stamp": s.metadata.stamp,
            "objects": s.metadata.objects,
            "bytes": s.metadata.bytes,
            "seconds": s.metadata.seconds,
            "leftOut": s.metadata.left_out,
        }
        for s in snapshots
    ]


def _write(environment: RunEnvironment, name: str, document: dict[str, Any]) -> None:
    """Write a document to the status bucket; a server that does not take it is a line of the log, no failure.

    What an earlier run has proven stays said when this one failed.
    """
    try:
        location = replace(environment.location(), bucket=environment.text("STATUS_BUCKET"))
        client = location.client(patient=False)
        if document["proven"] is None:
            document["proven"] = _proven_before(client, location.bucket, name)
        put_json(client, location.bucket, name, document)
    except Exception as error:  # noqa: BLE001 it must not hide how the run itself ended
        say(f"the status could not be written: {why(error)}")


def _proven_before(client: "S3Client", bucket: str, name: str) -> str | None:
    try:
        earlier = get_json(client, bucket, name) or {}
    except FailedError as error:
        say(f"what was proven before is not known: {error}")
        return None
    return earlier["proven"] if _is_stamp(earlier.get("proven")) else None


def read(client: "S3Client", bucket: str, name: str) -> dict[str, Any] | None:
    """Return what a kind of run said last, None if it never said anything.

    Raises:
        FailedError: The document cannot be read, or does not say all that a run says: nothing is taken for granted.
    """
    said = get_json(client, bucket, name)
    if said is None:
        return None
    complete = said.get("state") == COMPLETE
    needed = {**_EVERY, **(_BACKUP if name == BACKUP else {})}
    for key, fits in needed.items():
        left_out = key in _BACKUP and not complete and key not in said
        if not left_out and not (key in said and fits(said[key])):
            raise FailedError(f"{name} of {bucket} cannot be used: {key} is missing or no value that a run writes")
    if complete and said["proven"] is None:
        raise FailedError(f"{name} of {bucket} cannot be used: it says {COMPLETE} and does not say what is proven")
    return said


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_stamp(value: object) -> bool:
    return isinstance(value, str) and STAMP.fullmatch(value) is not None


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _are_rows(value: object) -> bool:
    return isinstance(value, list) and all(_is_row(row) for row in cast("list[object]", value))


def _is_row(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    row = cast("dict[str, object]", value)
    return _is_stamp(row.get("stamp")) and _is_number(row.get("objects")) and _is_number(row.get("bytes"))


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) for line in cast("list[object]", value))


_EVERY: dict[str, Callable[[object], bool]] = {
    "network": _is_text,
    "ended": _is_moment,
    "state": lambda value: value in (COMPLETE, FAILED),
    "message": _is_text,
    "seconds": _is_number,
    "proven": lambda value: value is None or _is_stamp(value),
}
_BACKUP: dict[str, Callable[[object], bool]] = {
    "snapshots": _are_rows,
    "broken": _are_texts,
    "freeBytes": _is_number,
}
