"""What a network has run and verified: written by `gx verify`, read by promotion and by the program."""

from pathlib import Path

from pydantic import Field

from gx.release import Image
from gx.settings.fields import Model, Moment, Uid
from gx.settings.project import ROOT, read_mapping, verified_file

KEPT = 10
"""How many earlier sets stay to roll back to."""


class VerifiedSet(Model):
    """One set of versions that passed every check on a network.

    Attributes:
        hash: Of the set, see `gx.release.Release.hash`.
        deployed: When the last of its rollouts had come to its end.
        verified: When the checks had passed.
        passed: How many checks passed.
        skipped: Names of checks that could not be tried.
        workloads: The set's images of the catalogue.
        platform: The set's images of the program's own servers.
    """

    hash: str = Field(pattern=r"^[0-9a-f]{16}$")
    deployed: Moment
    verified: Moment
    passed: int = Field(ge=1)
    skipped: tuple[str, ...] = ()
    workloads: dict[str, Image]
    platform: dict[str, Image]


class Verified(Model):
    """What a network has verified, the newest set first.

    Attributes:
        network: The network that the record belongs to.
        cluster_uid: The cluster on which it was verified.
        sets: The sets.
    """

    network: str
    cluster_uid: Uid
    sets: tuple[VerifiedSet, ...] = ()

    def of_hash(self, wanted: str) -> VerifiedSet | None:
        """Return the set of a hash as it was verified last."""
        return next((one for one in self.sets if one.hash == wanted), None)


def read_verified(network: str, root: Path = ROOT) -> Verified | None:
    """Return what a network has verified, or None if it never was.

    Raises:
        InputError: The file cannot be used.
    """
    from gx.settings.load import validated  # noqa: PLC0415 settings read this module

    name = verified_file(network)
    if not (root / name).exists():
        return None
    return validated(Verified, read_mapping(name, root=root, fix=f"gx verify {network} writes it"), name)
