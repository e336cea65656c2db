"""Label and annotation vocabularies, and what each axis means."""

from enum import StrEnum, unique

FIELD_MANAGER = "gx-infra"

NAME = "app.kubernetes.io/name"
PART_OF = "app.kubernetes.io/part-of"
MANAGED_BY = "app.kubernetes.io/managed-by"
NETWORK = "gxcoin.money/network"
OLD_POLICY = "gxcoin.money/old-policy"
"""On a NetworkPolicy that was made by hand: the feature gate retire-old-policies removes it."""

PATCH_FIELD_MANAGER = "pulumi.com/patchFieldManager"
PATCH_FORCE = "pulumi.com/patchForce"
SKIP_AWAIT = "pulumi.com/skipAwait"
CONFIG_CHECKSUM = "gxcoin.money/config-checksum"


@unique
class Tier(StrEnum):
    """What network policies of the hand-made system and its scrape jobs select (production.md#workloads)."""

    API = "api"
    BACKEND = "backend"


@unique
class PartOf(StrEnum):
    """Which part of the platform an object belongs to: the owning subsystem, used for alert routing."""

    MESSAGING = "messaging"
    BACKEND = "backend"
    STORAGE = "storage"
    DATABASE = "database"
    MONITORING = "monitoring"
    TRAFFIC = "traffic"
    PLATFORM = "platform"


def component_labels(name: str, part_of: PartOf) -> dict[str, str]:
    """Return the labels of an object and of its pods that its component knows.

    Adopted objects keep their live labels beside these; selectors never use them (takeover.md 13).
    """
    return {NAME: name, PART_OF: PartOf(part_of).value}


def owner_labels(network: str) -> dict[str, str]:
    """Return the labels by which every object and every pod template of the program says whose it is."""
    return {MANAGED_BY: FIELD_MANAGER, NETWORK: network}


def scrape_annotations(port: int, path: str) -> dict[str, str]:
    """Return the annotations by which Prometheus finds a pod (production.md#monitoring); `port` is the container's."""
    return {"prometheus.io/scrape": "true", "prometheus.io/port": str(port), "prometheus.io/path": path}
