"""`gx backups`: what the runs say of themselves, and what lies off-site, read through S3."""

import base64
import os
import re
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from gx.credentials import credential
from gx.errors import InputError
from gx.live.kubernetes_api import ApiError, KubernetesApi, UnreachableError
from gx.naming import BACKUP_STATUS_BUCKET, MINIO, MINIO_BACKUP_USER, MINIO_PORT, OFFSITE
from gx.objects import Object, mapping
from gx.settings.settings import Settings
from gx.settings.storage_rules import longest_interval
from gx.snapshots.metrics import Documents, read_status
from gx.snapshots.model import FailedError, moment_of
from gx.snapshots.offsite import list_snapshots
from gx.snapshots.s3 import Place

FORWARD_SECONDS = 20
_FORWARDED = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One snapshot.

    Attributes:
        stamp: Its name.
        place: "volume" or "off-site".
        state: "complete", or what is wrong with it.
        objects: Number of objects.
        bytes: Their size.
        drill: What the last drill found, if it was about this one.
    """

    stamp: str
    place: str
    state: str
    objects: int = 0
    bytes: int = 0
    drill: str = ""

    @property
    def complete(self) -> bool:
        """Whether it can be restored from."""
        return self.state == "complete"

    def age(self, now: datetime) -> timedelta:
        """Return how old it is."""
        return now - moment_of(self.stamp)


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Everything that is known of a network's backups.

    Attributes:
        rows: Snapshots, newest first.
        runs: What each kind of run said last.
        limit: How old the newest complete snapshot may be.
    """

    rows: tuple[Row, ...]
    runs: Documents
    limit: timedelta

    def newest(self) -> Row | None:
        """Return the newest complete snapshot on the volume."""
        return next((row for row in self.rows if row.complete and row.place == "volume"), None)

    def too_old(self, now: datetime) -> bool:
        """Return whether the newest complete snapshot is older than it may be, or missing."""
        newest = self.newest()
        return newest is None or newest.age(now) > self.limit


def overview(settings: Settings, status: Place, offsite: Place | None) -> Overview:
    """Read the status bucket, and the off-site bucket if there is one.

    Raises:
        InputError: One of them cannot be read.
    """
    backup = settings.stack.backup
    limit = longest_interval(backup.schedule) + timedelta(minutes=backup.deadline_minutes)
    try:
        runs = read_status(status)
        _refuse_other_networks(runs, settings.network.name)
        rows = [*_on_volume(runs), *(_off_site(offsite) if offsite else ())]
    except FailedError as error:
        raise InputError(
            file="gx backups", consequence=str(error), fix="see the message; the backups themselves are not affected"
        ) from None
    except (BotoCoreError, ClientError) as error:
        raise InputError(file="gx backups", consequence=str(error), fix="check the endpoint and its keys") from None
    return Overview(
        rows=tuple(sorted(rows, key=lambda row: (row.stamp, row.place), reverse=True)), runs=runs, limit=limit
    )


def _refuse_other_networks(runs: Documents, network: str) -> None:
    for run, said in runs.items():
        if said is not None and said["network"] != network:
            raise FailedError(f"the status of {run} is of another network: {said['network'] or 'it names none'}")


def _on_volume(runs: Documents) -> list[Row]:
    said: dict[str, Any] = runs["backup"] or {}
    drill: dict[str, Any] = runs["drill"] or {}
    rows = [
        Row(
            stamp=row["stamp"],
            place="volume",
            state="complete",
            objects=row["objects"],
            bytes=row["bytes"],
            drill=_drill_text(drill) if drill.get("stamp") == row["stamp"] else "",
        )
        for row in said.get("snapshots", [])
    ]
    broken = [line.partition(": ") for line in said.get("broken", [])]
    return rows + [Row(stamp=stamp, place="volume", state=f"no snapshot: {why}") for stamp, _, why in broken]


def _drill_text(drill: dict[str, Any]) -> str:
    if drill["state"] != "complete":
        return f"failed: {drill['message']}"
    return "passed" if drill["proven"] == drill["stamp"] else ""


def _off_site(place: Place) -> list[Row]:
    return [
        Row(stamp=stamp, place="off-site", state="complete", objects=found.objects, bytes=found.bytes)
        if found
        else Row(stamp=stamp, place="off-site", state="no snapshot: its proof is missing")
        for stamp, found in list_snapshots(place)
    ]


def secret_pair(api: KubernetesApi, namespace: str, name: str) -> tuple[str, str]:
    """Return a key pair from a Secret of the network.

    Raises:
        InputError: The Secret cannot be read.
    """
    try:
        live = api.get("v1", "Secret", namespace, name)
    except (ApiError, UnreachableError) as error:
        raise InputError(
            file=api.origin, key=f"Secret {namespace}/{name}", consequence=str(error), fix="see the message"
        ) from None
    if live is None:
        raise InputError(
            file=api.origin,
            key=f"Secret {namespace}/{name}",
            consequence="is not there",
            fix="bring the network up first",
        )
    place = f"Secret {namespace}/{name}"
    return _key_of(api, live, place, "AWS_ACCESS_KEY_ID"), _key_of(api, live, place, "AWS_SECRET_ACCESS_KEY")


def _key_of(api: KubernetesApi, live: Object, place: str, key: str) -> str:
    fix = "put the key pair back: `pulumi up` writes it again"
    text = base64.b64decode(str(mapping(live, "data").get(key) or "")).decode(errors="replace")
    found = credential(text, file=api.origin, key=f"{place}/{key}", fix=fix)
    if not found:
        raise InputError(file=api.origin, key=f"{place}/{key}", consequence="is empty or not there", fix=fix)
    return found


def offsite_place(settings: Settings, access_key: str, secret_key: str) -> Place | None:
    """Return the off-site bucket with a key pair, or None where the network has none."""
    target = settings.stack.backup.offsite
    if target is None:
        return None
    return Place(
        endpoint=target.endpoint,
        bucket=target.bucket,
        prefix=target.prefix,
        region=target.region,
        access_key=access_key,
        secret_key=secret_key,
    )


@contextmanager
def places(
    settings: Settings, api: KubernetesApi | None, endpoint: str, context: str
) -> Generator[tuple[Place, Place | None]]:
    """Open the status bucket and the off-site bucket.

    With a cluster, keys come from its Secrets; without, from the environment (AWS_* and OFFSITE_AWS_*).

    Raises:
        InputError: A key is missing, or MinIO cannot be reached.
    """
    namespace = settings.network.namespace
    if api is not None:
        pair = secret_pair(api, namespace, MINIO_BACKUP_USER)
        outside = secret_pair(api, namespace, OFFSITE) if settings.stack.backup.offsite else ("", "")
    else:
        pair = _from_environment("")
        outside = _from_environment("OFFSITE_") if settings.stack.backup.offsite else ("", "")
    offsite = offsite_place(settings, *outside)
    if endpoint:
        yield _status_place(endpoint, pair), offsite
        return
    with forwarded(namespace, context) as address:
        yield _status_place(address, pair), offsite


def _status_place(endpoint: str, pair: tuple[str, str]) -> Place:
    return Place(endpoint=endpoint, bucket=BACKUP_STATUS_BUCKET, access_key=pair[0], secret_key=pair[1])


def _from_environment(prefix: str) -> tuple[str, str]:
    return _key_from_environment(f"{prefix}AWS_ACCESS_KEY_ID"), _key_from_environment(f"{prefix}AWS_SECRET_ACCESS_KEY")


def _key_from_environment(name: str) -> str:
    fix = "set it, or let --context read the Secret"
    found = credential(os.environ.get(name, ""), file="gx backups", key=name, fix=fix)
    if not found:
        consequence = "is not set in the environment, and no --context names a cluster"
        raise InputError(file="gx backups", key=name, consequence=consequence, fix=fix)
    return found


@contextmanager
def forwarded(namespace: str, context: str) -> Generator[str]:
    """Forward a free local port to MinIO for as long as it is needed; yield its URL.

    Raises:
        InputError: kubectl is missing, or cannot forward.
    """
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise InputError(
            file="kubectl",
            consequence="is not on PATH: MinIO has no address outside the cluster",
            fix="install it, or forward a port yourself and name it with --endpoint",
        )
    command = [
        kubectl,
        *(["--context", context] if context else []),
        "-n",
        namespace,
        "port-forward",
        f"service/{MINIO}",
    ]
    process = subprocess.Popen(  # noqa: S603 the user's own kubectl
        [*command, f":{MINIO_PORT}", "--address", "127.0.0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = _FORWARDED.search(line)
        if match is None:
            raise InputError(
                file="kubectl port-forward",
                key=f"service/{MINIO}",
                consequence=line.strip() or "ended at once",
                fix="see its message, or forward a port yourself and name it with --endpoint",
            )
        yield f"http://127.0.0.1:{match[1]}"
    finally:
        process.terminate()
        process.wait(FORWARD_SECONDS)
        if process.stdout is not None:
            process.stdout.close()
