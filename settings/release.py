"""The bill of materials of a network: `networks/<network>/release.yaml`."""

import hashlib
import json
from collections.abc import Container, Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from catalogue import CATALOGUE
from common.images import MUTABLE_TAGS
from settings.fields import Model, Moment
from settings.kubernetes_fields import Repository

ABSENT = "absent"
"""What stands in the place of an image that a network does not run."""
PLATFORM_IMAGES = ("minio", "minio-client", "postgres-client", "backup", "haproxy")


def _tag(text: str) -> str:
    if text.lower() in MUTABLE_TAGS:
        raise ValueError(f"{text!r} is a tag that moves; the same manifest would run a different image tomorrow")
    return text


class Image(Model):
    """One image: the tag verbatim, the digest once the registry has been asked."""

    repository: Repository | None = None
    tag: Annotated[str, AfterValidator(_tag), Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]
    digest: str | None = Field(default=None, pattern=r"^sha256:[0-9a-f]{64}$")
    revision: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{7,40}$",
        description="Source revision of an image that is built for each network, as the wallet's public URLs need.",
    )
    digests: dict[str, Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]] = Field(
        default_factory=dict, description="Digest by network of an image that is built for each network."
    )
    live_digest: str | None = Field(
        default=None,
        pattern=r"^sha256:[0-9a-f]{64}$",
        description="What ran when the network was adopted: a record, in the reference it would restart pods.",
    )

    def reference(self, registry: str, repository: str, network: str) -> str:
        """Return the image reference that a container uses on a network."""
        own = self.digests.get(network) or self.digest
        return f"{registry}/{self.repository or repository}:{self.tag}{f'@{own}' if own else ''}"


class Promoted(Model):
    """How the set of a network came to be allowed there: written by `gx promote`, checked by the program.

    Attributes:
        how: From the network before, as it was found, back to an earlier set, or over the gate.
        source: The network before, where that is how.
        hash: Of this very set: a tag that is edited by hand no longer fits.
        verified: When the source network had verified it.
        reason: Why the gate was overridden.
        expires: Until when an override may be promoted again; only `gx promote` looks at the calendar.
    """

    how: Literal["promotion", "as found", "rollback", "override"]
    hash: str = Field(pattern=r"^[0-9a-f]{16}$")
    source: str | None = None
    verified: Moment | None = None
    reason: str | None = Field(default=None, min_length=10)
    expires: date | None = None


def set_hash(workloads: Mapping[str, Image], platform: Mapping[str, Image]) -> str:
    """Return what a set of versions is known by: 16 hexadecimal digits over every image, without what is a record."""
    content = {
        f"{part}.{name}": image.model_dump(mode="json", exclude={"live_digest"}, exclude_defaults=True)
        for part, images in (("workloads", workloads), ("platform", platform))
        for name, image in images.items()
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def absent_from(workloads: Container[str]) -> list[str]:
    """Return the workloads of the catalogue that a set does not hold, in the catalogue's order."""
    return [name for name in CATALOGUE if name not in workloads]


class Release(Model):
    """What a network runs.

    Attributes:
        network: The network that the file belongs to.
        origin: How the set came here: "as found" for an adopted network.
        workloads: One image per workload of the catalogue that the network runs.
        absent: The workloads of the catalogue that it does not run: not yet, or no more. Said by name, so that a line
            that was forgotten is none of them. Nothing runs by it, so it is no part of the hash.
        platform: Images of the program's own servers and Jobs.
        promoted: Why the network may run it; the first network of the chain needs none.
    """

    network: str
    origin: str
    workloads: dict[str, Image]
    absent: tuple[str, ...] = ()
    platform: dict[str, Image]
    promoted: Promoted | None = None

    @property
    def hash(self) -> str:
        """What the set is known by."""
        return set_hash(self.workloads, self.platform)

    def missing(self) -> list[str]:
        """Return the keys that the catalogue needs and the file lacks; an absent workload needs none."""
        return [f"workloads.{name}" for name in absent_from(self.workloads) if name not in self.absent] + [
            f"platform.{name}" for name in PLATFORM_IMAGES if name not in self.platform
        ]

    def unknown(self) -> list[str]:
        """Return the keys that the file has and nothing uses."""
        return [
            *(f"workloads.{name}" for name in self.workloads if name not in CATALOGUE),
            *(f"absent.{name}" for name in self.absent if name not in CATALOGUE),
            *(f"platform.{name}" for name in self.platform if name not in PLATFORM_IMAGES),
        ]
