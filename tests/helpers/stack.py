"""Settings of a network with one change, without the engine and without another process."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from gx.settings.load import SECRET_KEYS, settings_from
from gx.settings.project import PROJECT, ROOT, stack_file
from gx.settings.settings import Settings
from gx.settings.stackfile import read_stack

Change = Callable[[dict[str, Any]], object]
NETWORKS = ("devnet", "testnet", "mainnet")


def copy_project(root: Path) -> Path:
    """Copy everything that a person edits into a folder, without encrypted settings: tests change it at will."""
    root.mkdir(exist_ok=True)
    for file in ROOT.glob("Pulumi*.yaml"):
        shutil.copy(file, root)
    shutil.copytree(ROOT / "networks", root / "networks")
    for network in NETWORKS:
        edit(root, network, _without_secrets)
    return root


def _without_secrets(config: dict[str, Any]) -> None:
    for key in SECRET_KEYS:
        config.pop(key, None)


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
