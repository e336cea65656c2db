"""Writes what a network has verified and what failed, for promotion to read."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.errors import InputError
from gx.verify.model import Cause, CheckResult, Outcome
from gx.verify.soak import with_start
from settings.project import one_writer, verified_file, write_mapping
from settings.settings import Settings
from settings.verified import KEPT, FailedCheck, FailedVerification, Verified, VerifiedSet, read_verified

LONGEST = 300
"""Letters of a failed check's line that are kept."""


def counted_failures(results: Sequence[CheckResult]) -> list[CheckResult]:
    """Return the failed checks that speak against the set.

    What this machine or account lacks does not. Silence does where the same way led to an answer in the same run:
    otherwise it is the way that is closed.
    """
    answered = {r.way for r in results if r.outcome is Outcome.PASSED or r.cause is Cause.SEEN}
    return [r for r in results if r.cause is Cause.SEEN or (r.cause is Cause.SILENT and r.way in answered)]


def still_failed(failure: FailedVerification | None, results: Sequence[CheckResult]) -> list[str]:
    """Return the checks that failed and could not be tried this time: a pass without them proves nothing of them.

    A check that is no longer there, such as that of a node that was drained, does not count.
    """
    skipped = {result.name for result in results if result.outcome is Outcome.SKIPPED}
    checks = failure.checks if failure else ()
    return [check.name for check in checks if check.name in skipped or check.group in skipped]


def verified_set(settings: Settings, deployed: datetime, passed: int, skipped: list[str]) -> VerifiedSet:
    """Return the set of a network's release file as verified now."""
    release = settings.release
    return VerifiedSet.model_validate(
        {
            "hash": release.hash,
            "deployed": deployed,
            "verified": _now(),
            "passed": passed,
            "skipped": tuple(skipped),
            "workloads": release.workloads,
            "platform": release.platform,
        }
    )


def failed_verification(settings: Settings, failures: Sequence[CheckResult]) -> FailedVerification:
    """Return the set of a network's release file as failed now."""
    checks = tuple(FailedCheck(name=r.name, group=r.group, text=r.text[:LONGEST]) for r in failures)
    return FailedVerification(hash=settings.release.hash, failed=_now(), checks=checks)


def write_verified(root: Path, settings: Settings, uid: str, newest: VerifiedSet) -> str:
    """Add a set to a network's record, atomically; it is not kept twice, and its failure goes. Return the file's name.

    Raises:
        InputError: The record cannot be used or written, or belongs to another network or cluster.
    """
    with one_writer(root):
        before = own_record(root, settings, uid)
        sets = (with_start(newest, before.sets), *(one for one in before.sets if one.hash != newest.hash))
        failures = (one for one in before.failures if one.hash != newest.hash)
        return _write(root, before, sets, tuple(failures), "promotion will refuse this set")


def write_failed(root: Path, settings: Settings, uid: str, failure: FailedVerification) -> str:
    """Add a failure to a network's record; arguments and errors are those of `write_verified`."""
    with one_writer(root):
        before = own_record(root, settings, uid)
        failures = (failure, *(one for one in before.failures if one.hash != failure.hash))
        return _write(root, before, before.sets, failures, "promotion still finds what this set had proven before")


def is_news(before: Verified, newest: VerifiedSet) -> bool:
    """Return whether a set that passed changes more in a record than the time at which it was looked at."""
    if not before.sets or before.failure(newest.hash):
        return True
    return before.sets[0] != with_start(newest, before.sets).model_copy(update={"verified": before.sets[0].verified})


def own_record(root: Path, settings: Settings, uid: str) -> Verified:
    """Return a network's record, an empty one where there is none.

    Raises:
        InputError: It cannot be used, or belongs to another network or cluster.
    """
    network = settings.network.name
    before = read_verified(network, root) or Verified(network=network, cluster_uid=uid)
    for key, found, own in (("network", before.network, network), ("clusterUid", before.cluster_uid, uid)):
        if found != own:
            raise InputError(
                file=verified_file(network),
                key=key,
                value=repr(found),
                consequence=f"is the record of another {'network' if key == 'network' else 'cluster'} than {own}",
                fix="restore the file from git, or remove it to begin again",
            )
    return before


def _write(
    root: Path,
    before: Verified,
    sets: tuple[VerifiedSet, ...],
    failures: tuple[FailedVerification, ...],
    otherwise: str,
) -> str:
    kept = {one.hash for one in sets[:KEPT]}
    # The failure of a set that stays must stay with it: without it the set would have its proof back.
    failures = tuple(one for number, one in enumerate(failures) if number < KEPT or one.hash in kept)
    record = before.model_copy(update={"sets": sets[:KEPT], "failures": failures})
    document: dict[str, Any] = record.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    name = verified_file(before.network)
    head = f"# Written by `gx verify {before.network}`, read by `gx promote`: what passed here, and what failed.\n"
    write_mapping(name, head, document, root=root, otherwise=otherwise)
    return name


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
