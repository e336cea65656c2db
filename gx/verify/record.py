"""Writes what a network has verified, for promotion to read."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gx.errors import InputError
from gx.settings.project import verified_file, write_mapping
from gx.settings.settings import Settings
from gx.verified import KEPT, Verified, VerifiedSet, read_verified
from gx.verify.soak import with_start


def verified_with(before: Verified | None, settings: Settings, uid: str, newest: VerifiedSet) -> Verified:
    """Return a network's record with one more set in front; the same set is not kept twice.

    Raises:
        InputError: The record that is there belongs to another network or cluster.
    """
    network = settings.network.name
    file = verified_file(network)
    for key, found, own in (
        ("network", before.network if before else network, network),
        ("clusterUid", before.cluster_uid if before else uid, uid),
    ):
        if found != own:
            raise InputError(
                file=file,
                key=key,
                value=repr(found),
                consequence=f"is the record of another {'network' if key == 'network' else 'cluster'} than {own}",
                fix="restore the file from git, or remove it to begin anew",
            )
    earlier = before.sets if before else ()
    sets = (with_start(newest, earlier), *(one for one in earlier if one.hash != newest.hash))
    return Verified.model_validate({"network": network, "clusterUid": uid, "sets": sets[:KEPT]})


def verified_set(settings: Settings, deployed: datetime, passed: int, skipped: list[str]) -> VerifiedSet:
    """Return the set of a network's release file as verified now."""
    release = settings.release
    return VerifiedSet.model_validate(
        {
            "hash": release.hash,
            "deployed": deployed,
            "verified": datetime.now(UTC).replace(microsecond=0),
            "passed": passed,
            "skipped": tuple(skipped),
            "workloads": release.workloads,
            "platform": release.platform,
        }
    )


def write_verified(root: Path, settings: Settings, uid: str, newest: VerifiedSet) -> str:
    """Add a set to a network's record, whole or not at all; return the file's name.

    Raises:
        InputError: The record cannot be used or written.
    """
    network = settings.network.name
    record = verified_with(read_verified(network, root), settings, uid, newest)
    document: dict[str, Any] = record.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    name = verified_file(network)
    head = f"# Written by `gx verify {network}`, read by `gx promote`: what this network has run and verified.\n"
    write_mapping(name, head, document, root=root, otherwise="promotion will refuse this set")
    return name
