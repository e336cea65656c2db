"""Which provider plugin is used: a downloaded one, else Kubernetes' as built here, else an emulator."""

import os
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from devcluster.binaries import KUBERNETES_PLUGIN, MODULE_OF
from devcluster.folder import DataFolder
from devcluster.plugins import choose, official
from tools.programs import missing


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {says} $1\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """Return a data folder on a machine that has nothing but the built plugin."""
    monkeypatch.setenv("PATH", "/bin:/usr/bin")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    program((MODULE_OF[KUBERNETES_PLUGIN].cached() / KUBERNETES_PLUGIN), "built")
    return DataFolder(tmp_path / "data")


def says(path: Path) -> str:
    return subprocess.run([path, "127.0.0.1:1"], capture_output=True, text=True, check=True).stdout.strip()


def test_the_built_plugin_serves_kubernetes(folder: DataFolder) -> None:
    chosen = choose(folder)
    assert chosen.official == ()
    assert says(Path(chosen.path) / KUBERNETES_PLUGIN) == "built 127.0.0.1:1"


def test_our_own_wrappers_on_path_are_not_taken_for_somebody_elses(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`gx local up` prints a PATH that holds them: what is there must stay there."""
    chosen = choose(folder)
    monkeypatch.setenv("PATH", f"{chosen.path}{os.pathsep}{os.environ['PATH']}")
    assert [name for name in ("kubernetes", "random", "cloudflare") if official(name)] == []
    assert choose(folder) == chosen
    assert says(Path(chosen.path) / KUBERNETES_PLUGIN) == "built 127.0.0.1:1"


def test_a_downloaded_plugin_of_the_sdks_version_comes_first_and_is_not_built(
    folder: DataFolder, tmp_path: Path
) -> None:
    (MODULE_OF[KUBERNETES_PLUGIN].cached() / KUBERNETES_PLUGIN).unlink()
    assert KUBERNETES_PLUGIN in {name for module in missing() for name in module.programs}
    name = f"resource-kubernetes-v{metadata.version('pulumi-kubernetes')}"
    program(tmp_path / "home" / "plugins" / name / KUBERNETES_PLUGIN, "downloaded")
    assert KUBERNETES_PLUGIN not in {name for module in missing() for name in module.programs}
    chosen = choose(folder)
    assert chosen.official == ("kubernetes",)
    assert not (Path(chosen.path) / KUBERNETES_PLUGIN).exists()
    assert says(chosen.home / "plugins" / name / KUBERNETES_PLUGIN) == "downloaded 127.0.0.1:1"
