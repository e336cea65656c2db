"""What was taken over of a live network, and its ids: `networks/<network>/adoption.yaml` (takeover.md 1 to 4)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, Field

from catalogue.managed_components import ManagedComponent
from settings.fields import Model, Uid
from settings.project import ROOT, adoption_file
from settings.validation import read_optional

DNS_RECORD = "DnsRecord"
"""What is not taken over but imported by its id: the zone has no create over what is there."""

DnsName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")]
Key = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]+/[a-z0-9][a-z0-9.-]*$")]


class Adoption(Model):
    """What the live objects are called, and which of them the stack has taken over.

    Attributes:
        cluster_uid: The cluster from which the ids were read.
        managed_components: What was taken over, written before each one is; None in a file from before that record.
        imports: What is live, by "Kind/name": of a namespaced object "namespace/name", of a DNS record
            "zone id/record id", by which it is imported.
        live_only: Fields that only the live object had, by "Kind/name": its first update removes them.
        old_policies: The spec of each NetworkPolicy that was made by hand and that the program replaces, by name.
        accepted: Losses and refusals of `gx adopt` that an operator has accepted, by name.
    """

    cluster_uid: Uid
    managed_components: tuple[ManagedComponent, ...] | None = Field(
        default=None,
        validation_alias=AliasChoices("managedComponents", "waves"),  # the old name, for one release
    )
    imports: dict[Key, str]
    live_only: dict[Key, tuple[str, ...]] = Field(default_factory=dict)
    old_policies: dict[DnsName, dict[str, Any]] = Field(default_factory=dict)
    accepted: tuple[str, ...] = ()


def taken_over(before: Adoption | None, uid: str, adding: Iterable[ManagedComponent]) -> list[ManagedComponent] | None:
    """Return the components to record as taken over; None where the record does not say, because it never did.

    Args:
        before: The record that is there.
        uid: The cluster that was read.
        adding: What the stack's list adds now; nothing while the network is not being adopted.
    """
    added, here = set(adding), before is not None and before.cluster_uid == uid
    if before is None or not here:
        return [component for component in ManagedComponent if component in added]
    if before.managed_components is None and not added:
        return None
    recorded = before.managed_components or ()
    return [component for component in ManagedComponent if component in added or component in recorded]


def read_adoption(network: str, root: Path = ROOT) -> Adoption | None:
    """Return a network's record, or None if it never was adopted.

    Raises:
        InputError: The file cannot be used.
    """
    return read_optional(Adoption, adoption_file(network), root=root, fix="restore it from git")
