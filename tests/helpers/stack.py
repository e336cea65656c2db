"""Settings of a network with one change, without the engine and without another process."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue.secrets import ENCRYPTED
from common.errors import InputError
from settings.offline import offline_settings
from settings.project import PROJECT, ROOT, release_file, stack_file
from settings.release import Release

Change = Callable[[dict[str, Any]], object]
NETWORKS = ("devnet", "testnet", "mainnet")


def copy_project(root: Path) -> Path:
    """Copy everything that a user edits into a folder, without encrypted settings: tests change it at will."""
    root.mkdir(exist_ok=True)
    for file in ROOT.glob("Pulumi*.yaml"):
        shutil.copy(file, root)
    shutil.copytree(ROOT / "networks", root / "networks")
    for network in NETWORKS:
        edit(root, network, _without_secrets)
    return root


def _without_secrets(config: dict[str, Any]) -> None:
    for key in ENCRYPTED:
        config.pop(key, None)


def edit(root: Path, stack: str, change: Change) -> None:
    """Change a stack file in place; keys are given without the project's prefix."""
    path = root / stack_file(stack)
    document = yaml.safe_load(path.read_text())
    config = {key.removeprefix(f"{PROJECT}:"): value for key, value in copy.deepcopy(document["config"]).items()}
    change(config)
    document["config"] = {f"{PROJECT}:{key}": value for key, value in config.items()}
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def edit_release(root: Path, stack: str, change: Change) -> None:
    """Change a release file in place, as if the network had been found with that set."""
    path = root / release_file(stack)
    document = yaml.safe_load(path.read_text())
    change(document)
    document |= {"origin": "as found", "promoted": None}
    document["promoted"] = {"how": "as found", "hash": Release.model_validate(document).hash}
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def mistake(root: Path, stack: str, change: Change) -> str:
    """Make a mistake in a stack file; return the one line that refuses it."""
    edit(root, stack, change)
    with pytest.raises(InputError) as caught:
        offline_settings(stack, root)
    line = str(caught.value)
    assert line.startswith(f"{stack_file(stack)}: ")
    assert "; fix: " in line
    assert "\n" not in line
    return line


def put(path: str, value: object) -> Change:
    """Return a change that sets a dotted path; a number is a list index."""

    def change(config: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        target: Any = config
        for part in parents:
            target = target[int(part) if part.isdigit() else part]
        target[int(last) if last.isdigit() else last] = value

    return change


def drop(path: str) -> Change:
    """Return a change that removes a dotted path."""

    def change(config: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        target: Any = config
        for part in parents:
            target = target[part]
        del target[last]

    return change
