"""Proof that a bucket holds what a manifest says: an independent listing, and the content where a listing is mute."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gx.snapshots.model import FailedError, Kept, Listed, paired
from gx.snapshots.s3 import Place, digest_of, list_objects

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SHOWN = 3


@dataclass
class Comparison:
    """How a bucket compares with a manifest.

    Attributes:
        objects: How many objects of the manifest it holds unchanged.
        bytes: Their size.
        missing: How many it lacks.
        different: How many have other content there.
        others: How many objects it holds that the manifest does not know.
        names: The first names that are missing or different.
    """

    objects: int = 0
    bytes: int = 0
    missing: int = 0
    different: int = 0
    others: int = 0
    names: list[str] = field(default_factory=list[str])

    def note(self, kept: Kept) -> None:
        """Remember a name, if there are few."""
        if len(self.names) < SHOWN:
            self.names.append(kept.key)

    def require_equal(self, what: str) -> None:
        """Refuse anything but every object unchanged.

        Raises:
            FailedError: An object is missing or different.
        """
        if self.missing or self.different:
            names = ", ".join(repr(name) for name in self.names)
            raise FailedError(f"{what}: {self.missing} objects are missing, {self.different} differ: {names}")


def compare(wanted: Iterable[Kept], target: Place, *, read_all: bool = False) -> Comparison:
    """Compare a bucket with objects, given in ascending order of their names.

    Args:
        wanted: The objects, each under the name that it has below the target's prefix.
        target: The bucket.
        read_all: Read every object and compare its MD5, instead of only those whose ETag is no MD5.

    Raises:
        FailedError: The bucket cannot be listed, or an object cannot be read.
    """
    client = target.client()
    result = Comparison()
    for kept, found in paired(wanted, list_objects(client, target.bucket, target.prefix)):
        if kept is None:
            result.others += 1
        elif found is None:
            result.missing += 1
            result.note(kept)
        elif holds(client, target, kept, found, read=read_all):
            result.objects += 1
            result.bytes += kept.size
        else:
            result.different += 1
            result.note(kept)
    return result


def holds(client: "S3Client", target: Place, kept: Kept, found: Listed, *, read: bool) -> bool:
    """Return whether a bucket's object has the content of a kept one."""
    if found.size != kept.size:
        return False
    if not read and found.etag == kept.md5:
        return True
    if not read and "-" not in found.etag and "-" not in kept.etag and kept.etag == kept.md5:
        return False  # both servers answer with MD5s, and these differ
    return digest_of(client, target.bucket, target.prefix + found.key).md5 == kept.md5
