"""Rules between the settings of storage and backup."""

from collections.abc import Iterator
from datetime import timedelta

from catalogue.secrets import KEY_PAIRS, OFFSITE_PAIR
from common.errors import InputError, shown
from common.naming import BACKUP_PVC, BACKUP_STATUS_BUCKET, MINIO_PVC
from common.quantities import parse_quantity
from settings.project import PROJECT, read_mapping, release_file, stack_file, volumes_file
from settings.rule import Case, Rule, problem_of
from settings.schedule import longest_interval, shortest_interval
from settings.settings import Settings

GROW_RUNBOOK = "docs/runbooks/grow-volume.md"
FIRST_MENDED = "RELEASE.2025-10-15"


def _schedules(case: Case) -> Iterator[InputError]:
    settings, backup = case.settings, case.settings.stack.backup
    limit = timedelta(minutes=backup.deadline_minutes)
    named = [("schedule", backup.schedule), ("drillSchedule", backup.drill_schedule)]
    if backup.offsite:
        named.append(("offsite.schedule", backup.offsite.schedule))
    for key, schedule in named:
        interval = shortest_interval(schedule)
        if interval <= limit:
            yield problem_of(
                settings,
                f"backup.{key}",
                schedule,
                f"starts a run every {_minutes(interval)} min, one may take {backup.deadline_minutes} min: it would "
                "still run when the next is due",
                "lengthen the interval or lower backup.deadlineMinutes",
            )
    interval = longest_interval(backup.schedule)
    if timedelta(days=backup.retention_days) < interval:
        yield problem_of(
            settings,
            "backup.retentionDays",
            backup.retention_days,
            f"is shorter than the {_minutes(interval)} min between two runs: only one snapshot would ever exist",
            "keep snapshots for several intervals",
        )


def _minutes(interval: timedelta) -> int:
    return int(interval.total_seconds() // 60)


def _offsite(case: Case) -> Iterator[InputError]:
    settings, offsite = case.settings, case.settings.stack.backup.offsite
    if offsite is None:
        return
    host = offsite.endpoint.removeprefix("https://").split(":")[0]
    nodes = {node.address for node in settings.stack.nodes}
    if host in nodes | {settings.network.wallet_host, settings.network.api_host}:
        yield problem_of(
            settings,
            "backup.offsite.endpoint",
            offsite.endpoint,
            "lies in the cluster: source and copy would be lost together",
            "name a server outside the cluster",
        )


def _buckets(case: Case) -> Iterator[InputError]:
    settings = case.settings
    if settings.network.bucket == BACKUP_STATUS_BUCKET:
        text = "is where the backups say how they ended: users' files would lie among them"
        yield problem_of(settings, "minio.bucket", settings.network.bucket, text, "name a bucket of its own")


def _volumes(case: Case) -> Iterator[InputError]:
    """A claim on local-path cannot grow: another size is another volume (docs/runbooks/grow-volume.md)."""
    settings = case.settings
    file = volumes_file(settings.network.name)
    if not (case.root / file).exists():
        return
    recorded = read_mapping(file, root=case.root, fix="restore it from git")
    wanted = {
        MINIO_PVC: ("minio.storage", settings.stack.minio.storage),
        BACKUP_PVC: ("backup.storage", settings.stack.backup.storage),
    }
    for claim, (key, size) in wanted.items():
        made_with = recorded.get(claim)
        try:
            same = made_with is None or parse_quantity(str(made_with)) == parse_quantity(size)
        except ValueError:
            text = "is no size: whether the claim would be replaced is not known"
            yield InputError(file=file, key=claim, value=shown(made_with), consequence=text, fix="restore it from git")
            continue
        if not same:
            yield problem_of(
                settings,
                key,
                size,
                f"the claim {claim} was made with {made_with} ({file}) and cannot be resized: it would be replaced "
                "with the server on it, and its data lost",
                f"follow {GROW_RUNBOOK}",
            )


def _object_store_image(case: Case) -> Iterator[InputError]:
    """Refuse the abandoned images: a service account can leave its policy there (ADR 8)."""
    name = case.settings.network.name
    for key in ("minio", "minio-client", "backup"):
        image = case.settings.release.platform.get(key)
        repository = (image.repository or key).rsplit("/", 1)[-1] if image else ""
        if image and repository in {"minio", "mc"} and image.tag < FIRST_MENDED:
            yield InputError(
                file=release_file(name),
                key=f"platform.{key}",
                value=shown(f"{image.repository or key}:{image.tag}"),
                consequence="has a known hole (CVE-2025-62506), and no official image will ever fix it",
                fix="use a maintained build, as docs/adr/0008-object-store-image.md names them",
            )


def check_key_pairs(settings: Settings) -> None:
    """Refuse half a key pair, and an off-site copy without one to write it.

    Raises:
        InputError: An encrypted setting is missing.
    """
    offsite = "backup.offsite" if settings.stack.backup.offsite else ""
    for one, other in KEY_PAIRS:
        asked = offsite if (one, other) == OFFSITE_PAIR else ""
        given = asked or next((key for key in (one, other) if key in settings.secrets), "")
        missing = next((key for key in (one, other) if key not in settings.secrets), "")
        if given and missing:
            raise InputError(
                file=stack_file(settings.network.name),
                key=f"{PROJECT}:{missing}",
                consequence=f"is not set, but {given} is: every log-in with that key pair would fail",
                fix=f"pulumi config set --secret -s {settings.network.name} {missing}, the value on standard input",
            )


STORAGE_RULES: tuple[Rule, ...] = (_schedules, _offsite, _buckets, _volumes, _object_store_image)
