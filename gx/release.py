"""The bill of materials of a network: `networks/<network>/release.yaml`."""

from typing import Annotated

from pydantic import AfterValidator, Field

from gx.catalogue import CATALOGUE
from gx.settings.fields import Model

MUTABLE_TAGS = frozenset({"latest", "main", "master", "stable", "edge", "nightly", "dev", "develop", "mainnet"})
PLATFORM_IMAGES = ("minio", "minio-client", "postgres-client", "backup", "haproxy")


def _tag(text: str) -> str:
    if text in MUTABLE_TAGS:
        raise ValueError(f"{text!r} is a tag that moves; the same manifest would run other bits tomorrow")
    return text


class Image(Model):
    """One image: the tag verbatim, the digest once the registry has been asked."""

    repository: str | None = Field(default=None, pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$")
    tag: Annotated[str, AfterValidator(_tag), Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]
    digest: str | None = Field(default=None, pattern=r"^sha256:[0-9a-f]{64}$")
    live_digest: str | None = Field(
        default=None,
        pattern=r"^sha256:[0-9a-f]{64}$",
        description="What ran when the network was adopted: a record, in the reference it would restart pods.",
    )

    def reference(self, registry: str, repository: str) -> str:
        """Return the image reference that a container uses."""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{registry}/{self.repository or repository}:{self.tag}{digest}"


class Release(Model):
    """What a network runs.

    Attributes:
        network: The network that the file belongs to.
        origin: How the set came here: "as found" for an adopted network.
        workloads: One image per workload of the catalogue.
        platform: Images of the program's own servers and Jobs.
    """

    network: str
    origin: str
    workloads: dict[str, Image]
    platform: dict[str, Image]

    def missing(self) -> list[str]:
        """Return the keys that the catalogue needs and the file lacks."""
        return [f"workloads.{name}" for name in CATALOGUE if name not in self.workloads] + [
            f"platform.{name}" for name in PLATFORM_IMAGES if name not in self.platform
        ]

    def unknown(self) -> list[str]:
        """Return the keys that the file has and nothing uses."""
        return [f"workloads.{name}" for name in self.workloads if name not in CATALOGUE] + [
            f"platform.{name}" for name in self.platform if name not in PLATFORM_IMAGES
        ]
