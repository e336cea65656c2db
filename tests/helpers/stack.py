"""Settings of a network with one change, without the engine and without another process."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from gx.settings.load import settings_from
from gx.settings.project import PROJECT, ROOT, stack_file
from gx.settings.settings import Settings
from gx.settings.stackfile import read_stack

Change = Callable[[dict[str, Any]], object]


def settings_of(stack: str, root: Path = ROOT) -> Settings:
    """Return the settings of a network as the recorder reads them."""
    config = read_stack(stack, root)
    clear = {key: value for key, value in config.values.items() if key not in config.secrets}
    values = {key.removeprefix(f"{PROJECT}:"): value for key, value in clear.items()}
    return settings_from(stack, values, {}, root)


def edit(root: Path, stack: str, change: Change) -> None:
    """Change a stack file in place; keys are given without the project's prefix."""
    path = root / stack_file(stack)
    document = yaml.safe_load(path.read_text())
    config = {key.removeprefix(f"{PROJECT}:"): value for key, value in copy.deepcopy(document["config"]).items()}
    change(config)
    document["config"] = {f"{PROJECT}:{key}": value for key, value in config.items()}
    path.write_text(yaml.safe_dump(document, sort_keys=False))
