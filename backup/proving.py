"""Proof that a bucket holds what a manifest says: an independent listing, every header, the content where asked."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from backup.copying import WORKERS, Later, Ready, in_order
from backup.run import workers
from backup.s3 import BucketLocation, describe, digest_of, list_objects, reason
from backup.snapshot import FailedError, Kept, Listed, paired

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SHOWN = 3


@dataclass
class ContentComparison:
    """How a bucket compares with a manifest.

    Attributes:
        objects: How many objects of the manifest it holds unchanged.
        bytes: Their size.
        missing: How many it lacks.
        different: How many have other content or other headers there.
        others: How many objects it holds that the manifest does not know.
        names: The first names that are missing or different.
    """

    objects: int = 0
    bytes: int = 0
    missing: int = 0
    different: int = 0
    others: int = 0
    names: list[str] = field(default_factory=list[str])

    def require_equal(self, what: str) -> None:
        """Refuse anything but every object unchanged.

        Raises:
            FailedError: An object is missing or different.
        """
        if self.missing or self.different:
            names = ", ".join(repr(name) for name in self.names)
            raise FailedError(f"{what}: {self.missing} objects are missing, {self.different} differ: {names}")


Unlike = Callable[[Kept], object]


def compare(
    wanted: Iterable[Kept],
    target: BucketLocation,
    *,
    whole: bool,
    read_all: bool = False,
    unlike: Unlike = lambda _: None,
) -> ContentComparison:
    """Compare a bucket with objects, given in ascending order of their names.

    Args:
        wanted: The objects, each under the name that it has below the target's prefix.
        target: The bucket.
        whole: Whether the objects name all their headers; those of the first edition lack some, which is no difference.
        read_all: Read every object and compare its MD5, instead of only those whose ETag is no MD5.
        unlike: Called with each object that is missing or different.

    Raises:
        FailedError: The bucket cannot be listed, or an object cannot be read.
    """
    client = target.client()
    result = ContentComparison()

    def evaluate(kept: Kept | None, found: Listed | None) -> Later[tuple[Kept | None, Listed | None, bool]]:
        if kept is None or found is None:
            return Ready((kept, found, False))
        return pool.submit(lambda: (kept, found, holds(client, target, kept, found, whole=whole, read=read_all)))

    with workers(WORKERS) as pool:
        pairs = paired(wanted, list_objects(client, target.bucket, target.prefix))
        for kept, found, same in in_order(evaluate(*pair) for pair in pairs):
            if kept is None:
                result.others += 1
            elif same:
                result.objects += 1
                result.bytes += kept.size
            else:
                result.missing += found is None
                result.different += found is not None
                result.names += [kept.key] if len(result.names) < SHOWN else []
                unlike(kept)
    return result


def holds(client: "S3Client", target: BucketLocation, kept: Kept, found: Listed, *, whole: bool, read: bool) -> bool:
    """Return whether a bucket's object has the content and the headers of a kept one."""
    key = target.prefix + found.key
    if found.size != kept.size:
        return False
    if read or found.etag != kept.md5:
        if not read and "-" not in found.etag and "-" not in kept.etag and kept.etag == kept.md5:
            return False  # both servers answer with MD5s, and these differ
        if digest_of(client, target.bucket, key).md5 != kept.md5:
            return False
    try:
        headers = describe(client, target.bucket, key).headers
    except (BotoCoreError, ClientError) as error:
        raise FailedError(f"cannot read {key!r} of {target.bucket}: {reason(error)}") from None
    return headers == kept.headers if whole else kept.headers.items() <= headers.items()
