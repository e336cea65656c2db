"""What differs when a network runs on one machine: `networks/<network>/local.yaml` over the stack file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from settings.project import PROJECT, local_file, read_mapping
from settings.renamed import with_current_names


def overlay(stack: str, root: Path) -> dict[str, Any]:
    """Return the settings that a network has on one machine, by their name in the stack file.

    Raises:
        InputError: The network has no such file, or it is no mapping.
    """
    content = read_mapping(local_file(stack), root=root, fix="write it after networks/devnet/local.yaml")
    return with_current_names(local_file(stack), {f"{PROJECT}:{key}": value for key, value in content.items()})[0]


def laid_over(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with changes: mappings are merged key by key, everything else takes the other's place."""
    merged = dict(settings)
    for key, value in changes.items():
        below = merged.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            merged[key] = laid_over(cast("Mapping[str, Any]", below), cast("Mapping[str, Any]", value))
        else:
            merged[key] = value
    return merged
