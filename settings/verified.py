"""What a network has run and verified: written by `gx verify`, read by promotion and by the program."""

from pathlib import Path

from pydantic import Field

from settings.fields import Model, Moment, Uid
from settings.project import ROOT, verified_file
from settings.release import Image
from settings.validation import read_optional

KEPT = 10
"""How many earlier sets stay to roll back to."""
SHOWN = 3
"""How many failed checks a line names."""


class VerifiedSet(Model):
    """One set of versions that passed every check on a network.

    Attributes:
        hash: Of the set, see `settings.release.Release.hash`.
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


class FailedCheck(Model):
    """One check that failed.

    Attributes:
        name: Its name.
        group: Its group, which is also the name of what stands for it where it cannot be tried.
        text: What was wrong, without anything secret.
    """

    name: str
    group: str
    text: str


class FailedVerification(Model):
    """The last verification of a set, where it failed: as long as it stands, the set has no proof.

    Attributes:
        hash: Of the set.
        failed: When.
        checks: What failed.
    """

    hash: str = Field(pattern=r"^[0-9a-f]{16}$")
    failed: Moment
    checks: tuple[FailedCheck, ...] = Field(min_length=1)

    def __str__(self) -> str:
        """Return when and what, in one line."""
        said = "; ".join(f"{check.name}: {check.text}" for check in self.checks[:SHOWN])
        more = f" and {len(self.checks) - SHOWN} more" if len(self.checks) > SHOWN else ""
        return f"failed at {self.failed:%Y-%m-%d %H:%M} UTC ({said}{more})"


class Verified(Model):
    """What a network has verified, the newest set first.

    Attributes:
        network: The network that the record belongs to.
        cluster_uid: The cluster on which it was verified.
        sets: The sets.
        failures: Sets whose last verification failed, the newest failure first. A pass takes the set's away.
    """

    network: str
    cluster_uid: Uid
    sets: tuple[VerifiedSet, ...] = ()
    failures: tuple[FailedVerification, ...] = ()

    def of_hash(self, wanted: str) -> VerifiedSet | None:
        """Return the set of a hash as it was verified last, even if it failed since then."""
        return next((one for one in self.sets if one.hash == wanted), None)

    def failure(self, wanted: str) -> FailedVerification | None:
        """Return the failure that withdrew the proof of a set. No clock is compared: what stands here counts."""
        return next((one for one in self.failures if one.hash == wanted), None)


def read_verified(network: str, root: Path = ROOT) -> Verified | None:
    """Return what a network has verified, or None if it never was.

    Raises:
        InputError: The file cannot be used.
    """
    return read_optional(Verified, verified_file(network), root=root, fix=f"gx verify {network} writes it")
