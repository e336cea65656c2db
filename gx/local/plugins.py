"""Which provider plugins the engine uses: the official ones where they are installed, else the stand-ins."""

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from gx.local.binaries import find
from gx.local.folder import DataFolder
from gx.settings.project import ROOT

PROVIDERS = {"kubernetes": "pulumi-kubernetes", "random": "pulumi-random", "cloudflare": "pulumi-cloudflare"}
"""Provider by the Python package that speaks with it; the lock file pins both to one version."""

_MODULES = "tools.plugins"
_DOWNLOADS = ("get.pulumi.com", 443)
_PROBE_SECONDS, _INSTALL_SECONDS = 2, 300


@dataclass(frozen=True)
class Plugins:
    """The chosen plugins.

    Attributes:
        official: Names of those that Pulumi itself published.
        path: Folder that goes in front of PATH: wrappers of the stand-ins; empty when there are none.
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
    return Path(on_path) if on_path and not _is_stand_in(Path(on_path)) else None


def _is_stand_in(path: Path) -> bool:
    """Whether a plugin on PATH is a wrapper of ours: `gx local up` prints a PATH that holds them."""
    with path.open("rb") as file:
        return _MODULES.encode() in file.read(1000)


def choose(folder: DataFolder) -> Plugins:
    """Prepare a PULUMI_HOME of the cluster's own: official plugins linked, a wrapper for each stand-in."""
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
    """Return a script that runs a stand-in: the engine looks for an executable of this name."""
    return f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m {_MODULES}.{name}_provider "$@"\n'


def install_official() -> str:
    """Let the CLI download the official plugins where the internet can be reached; return what became of it."""
    wanted = [name for name in PROVIDERS if official(name) is None]
    if not wanted:
        return "provider plugins: the official ones are there"
    try:
        socket.create_connection(_DOWNLOADS, _PROBE_SECONDS).close()
    except OSError:
        return f"provider plugins: no way to Pulumi's downloads, stand-ins serve for {', '.join(wanted)}"
    for name in wanted:
        version = metadata.version(PROVIDERS[name])
        command = [str(find("pulumi")), "plugin", "install", "resource", name, version]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_SECONDS)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return f"provider plugins: {name} {version} could not be downloaded, its stand-in serves"
    return f"provider plugins: installed {', '.join(wanted)}"
