"""Keys of stack files that have a better name now: the old one is read for one release, with one warning."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from common.errors import InputError
from settings.project import PROJECT, ROOT, declared_keys

V = TypeVar("V")

RENAMED = {"steps": "featureGates", "waves": "managedComponents", "neighbours": "externalWorkloads"}
"""The new name by the old one."""


def with_current_names(file: str, settings: Mapping[str, V]) -> tuple[dict[str, V], list[str]]:
    """Return settings under their current names, and one warning for each old name.

    Args:
        file: The file that they come from, for messages.
        settings: Values by key, the project's prefix included.

    Raises:
        InputError: A setting is there under both names.
    """
    current, warnings = dict(settings), list[str]()
    for old, new in ((f"{PROJECT}:{old}", f"{PROJECT}:{new}") for old, new in RENAMED.items()):
        if old not in current:
            continue
        if new in current:
            raise InputError(
                file=file,
                key=old,
                consequence=f"is the old name of {new}, which is there as well: nothing says which one counts",
                fix=f"keep {new} alone",
            )
        current[new] = current.pop(old)
        warnings.append(f"{old} is called {new} now: the next release refuses the old name; fix: rename the key")
    return current, warnings


def without_defaults(values: Mapping[str, str], root: Path = ROOT) -> dict[str, str]:
    """Return what the engine hands over, less the default of a key whose old name the stack file still uses.

    The engine adds each default of Pulumi.yaml to what a stack file says.
    """
    left = dict(values)
    if used := [new for old, new in RENAMED.items() if f"{PROJECT}:{old}" in values]:
        declared = declared_keys(root)
        for new in used:
            key, default = f"{PROJECT}:{new}", declared.get(new, {}).get("default")
            if key in left and _is_json_of(left[key], default):
                del left[key]
    return left


def _is_json_of(text: str, value: object) -> bool:
    try:
        return json.dumps(json.loads(text)) == json.dumps(value)
    except ValueError:
        return False
