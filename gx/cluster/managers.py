"""Who owns which field of a live object, read from its managedFields."""

from collections.abc import Mapping
from typing import Any, cast

from common.objects import sequence

TAKEN_OVER = ("kubectl", "before-first-apply", "pulumi-kubernetes")
"""Prefixes of the managers whose fields the provider makes its own when it updates an object that it took over.

Fields of every other manager stay, and a change of one is a conflict.
"""

FieldSet = dict[str, Any]


def entries(live: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return who manages an object's fields, without those who only write its status.

    An autoscaler writes the number of replicas through the subresource `scale`: that counts.
    """
    return [entry for entry in sequence(live, "metadata", "managedFields") if entry.get("subresource") != "status"]


def is_ours(entry: Mapping[str, Any], manager: str) -> bool:
    """Whether the provider, updating an object that it took over as `manager`, makes an entry's fields its own."""
    name = str(entry["manager"])
    return not entry.get("subresource") and (name == manager or name.startswith(TAKEN_OVER))


def union(*sets: Mapping[str, Any]) -> FieldSet:
    """Return the field set that holds every field of the given ones."""
    merged: FieldSet = {}
    for fields in sets:
        for key, below in fields.items():
            merged[key] = union(merged.get(key, {}), cast("Mapping[str, Any]", below))
    return merged
