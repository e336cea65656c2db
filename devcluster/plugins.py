"""Which provider plugins the engine uses: downloaded ones, else one of Kubernetes built here and emulators."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from devcluster.binaries import KUBERNETES_PLUGIN, find
from devcluster.folder import DataFolder
from settings.project import ROOT

PROVIDERS = {"kubernetes": "pulumi-kubernetes", "random": "pulumi-random", "cloudflare": "pulumi-cloudflare"}
"""Provider by the Python package that speaks with it; the lock file pins both to one version."""

_OURS = "# made by gx local"
_DOWNLOADS = ("get.pulumi.com", 443)
_PROBE_SECONDS, _INSTALL_SECONDS = 2, 300


@dataclass(frozen=True)
class Plugins:
    """The chosen plugins.

    Attributes:
        official: Names of those that Pulumi itself published as binaries.
        path: Folder that goes in front of PATH: wrappers of the others.
        home: PULUMI_HOME.
    """

    official: tuple[str, ...]
    path: str
    home: Path


def official(name: str) -> Path | None:
    """Return the official plugin of a provider in the locked version, or None."""
    version = metadata.version(PROVIDERS[name])
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    folder = home / "plugins" / f"resource-{name}-v{version}"
    if (folder / f"pulumi-resource-{name}").is_file():
        return folder
    on_path = shutil.which(f"pulumi-resource-{name}")
    return Path(on_path) if on_path and not _is_ours(Path(on_path)) else None


def _is_ours(path: Path) -> bool:
    """Whether a plugin on PATH is a wrapper of ours: `gx local up` prints a PATH that holds them."""
    with path.open("rb") as file:
        return _OURS.encode() in file.read(1000)


def choose(folder: DataFolder) -> Plugins:
    """Prepare a PULUMI_HOME of the cluster's own: official plugins linked, a wrapper for each other."""
    home, wrappers = folder.path / "pulumi", folder.path / "plugins"
    (home / "plugins").mkdir(parents=True, exist_ok=True)
    wrappers.mkdir(exist_ok=True)
    found: list[str] = []
    for name in PROVIDERS:
        wrapper, path = wrappers / f"pulumi-resource-{name}", official(name)
        if path is None:
            wrapper.write_text(_wrapper(name), encoding="utf-8")
            wrapper.chmod(0o755)
            continue
        found.append(name)
        wrapper.unlink(missing_ok=True)
        link = home / "plugins" / path.name
        if path.is_dir() and not link.exists():
            link.symlink_to(path)
    return Plugins(tuple(found), str(wrappers), home)


def _wrapper(name: str) -> str:
    """Return a script that runs a plugin which nobody downloaded: the engine looks for an executable of this name."""
    if name == "kubernetes":
        return f'#!/bin/sh\n{_OURS}\nexec "{find(KUBERNETES_PLUGIN)}" "$@"\n'
    return f'#!/bin/sh\n{_OURS}\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m tools.plugins.{name}_provider "$@"\n'


def downloadable() -> bool:
    """Whether an official plugin is missing and the CLI could download it."""
    if all(official(name) for name in PROVIDERS):
        return False
    try:
        socket.create_connection(_DOWNLOADS, _PROBE_SECONDS).close()
    except OSError:
        return False
    return True


def install_official() -> None:
    """Let the CLI download the official plugins that are missing; what cannot be had stays missing."""
    for name, package in PROVIDERS.items():
        if official(name) is None:
            command = [str(find("pulumi")), "plugin", "install", "resource", name, metadata.version(package)]
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(command, check=False, capture_output=True, timeout=_INSTALL_SECONDS)


def in_use() -> str:
    """Return a line that says which plugins the engine will use."""
    kinds = {name: "as published" if official(name) else "emulated" for name in PROVIDERS}
    if official("kubernetes") is None:
        kinds["kubernetes"] = "the official one, built here"
    return "provider plugins: " + ", ".join(f"{name} {kind}" for name, kind in kinds.items())
