"""Pinned programs: found on PATH when they fit, built whole or not at all, and without Go a clear line."""

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from gx.errors import InputError
from gx.local import build
from gx.local.binaries import BINARIES, KUBERNETES_PLUGIN, MODULES, Binary, find, installed
from gx.settings.project import ROOT

ETCD = BINARIES["etcd"]


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is the whole PATH, with an empty cache."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("binary", BINARIES.values(), ids=lambda b: b.name)
def test_every_module_pins_the_package_that_is_built(binary: Binary) -> None:
    assert re.fullmatch(r"v\d+\.\d+\.\d+\S*", binary.version())
    assert (binary.folder / "go.sum").stat().st_size > 1000
    listed = binary.package.partition("/cmd/")[0] if binary.embeds else binary.package
    assert listed in (binary.folder / "go.mod").read_text(), "as a tool, or as what our main imports"


def test_every_module_is_used() -> None:
    assert {path.name for path in MODULES.iterdir()} == {binary.module for binary in BINARIES.values()}


@pytest.mark.parametrize(
    ("name", "line", "fits"),
    [
        ("etcd", "etcd Version: 3.6.16", True),
        ("etcd", "etcd Version: 3.5.9", False),
        ("kube-apiserver", "Kubernetes v1.33.5+k3s1", True),
        ("kube-apiserver", "Kubernetes v1.34.0", False),
        ("pulumi", "v3.256.0", True),
        ("pulumi", "v3.260.1", True),
        ("pulumi", "v3.255.9", False),
        ("pulumi", "v4.0.0", False),
        ("mc", "GNU Midnight Commander 4.8.29", False),
        ("mc", "mc version RELEASE.2025-08-13T08-35-41Z", True),
        ("minio", "minio version RELEASE.2025-09-07T16-13-09Z", False),
        ("minio", "minio version RELEASE.2025-10-15T17-29-55Z", True),
        ("traefik", "Version:      3.6.2", True),
    ],
)
def test_a_program_on_path_is_used_only_in_a_fitting_version(empty: Path, name: str, line: str, fits: bool) -> None:
    program = script(empty / "bin" / name, f"echo '{line}'")
    assert installed(BINARIES[name]) == (program if fits else None)


def test_the_key_of_the_cache_follows_the_sums(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ETCD.cached()
    folder = empty / "modules" / "etcd"
    folder.mkdir(parents=True)
    for name in ("go.mod", "go.sum"):
        (folder / name).write_text((ETCD.folder / name).read_text())
    monkeypatch.setattr("gx.local.binaries.MODULES", folder.parent)
    assert ETCD.cached() == before
    (folder / "go.sum").write_text("another\n")
    assert ETCD.cached() != before


@pytest.mark.usefixtures("empty")
def test_a_missing_program_says_what_to_do() -> None:
    with pytest.raises(InputError, match=r"etcd: is neither on PATH .* fix: run `make tools`"):
        find("etcd")


def run_build(empty: Path, name: str = "etcd") -> "subprocess.CompletedProcess[str]":
    code = (
        "from gx.local import build; from gx.local.binaries import BINARIES; "
        f"build.downloadable = lambda: False; build.missing = lambda: [BINARIES['{name}']]; build.main()"
    )
    environment = {
        "PATH": f"{empty}/bin",
        "XDG_CACHE_HOME": f"{empty}/cache",
        "HOME": str(empty),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_without_go_one_line_says_what_to_do(empty: Path) -> None:
    done = run_build(empty)
    assert done.returncode == 2
    assert done.stderr.startswith("go: is not on PATH, so nothing was built of: etcd; fix: install Go 1.26 or newer")
    assert not (empty / "cache").exists()


def test_an_old_go_is_refused(empty: Path) -> None:
    script(empty / "bin" / "go", "echo go1.21.3")
    done = run_build(empty)
    assert done.returncode == 2
    assert "go1.21.3: is too old" in done.stderr


def test_a_build_that_fails_installs_nothing(empty: Path) -> None:
    fake = 'if [ "$1" = env ]; then echo go1.26.8; else echo "no space left on device" >&2; exit 1; fi'
    script(empty / "bin" / "go", fake)
    done = run_build(empty)
    assert done.returncode == 2
    assert "go build failed, nothing was installed: no space left on device" in done.stderr
    assert [path.name for path in (empty / "cache/gx-infra/tools").iterdir()] == ["lock"]


def test_a_build_is_announced_with_its_time_and_put_in_place(empty: Path) -> None:
    fake = 'if [ "$1" = env ]; then echo go1.26.8; exit; fi\nwhile [ "$1" != -o ]; do shift; done\n: > "$2"'
    script(empty / "bin" / "go", fake)
    done = run_build(empty)
    assert "building etcd v3.6.16 (1 of 1): about 40 s" in done.stderr
    assert len(list((empty / "cache/gx-infra/tools").glob("etcd-*/etcd"))) == 1


def test_a_main_of_our_own_is_built_with_the_files_of_the_module_that_it_embeds(empty: Path) -> None:
    """The fake compiler writes the overlay that it was given in the place of the program."""
    fake = """case "$1" in env) echo go1.26.8; exit;; list) echo /modules/provider; exit;; esac
while [ $# -gt 1 ]; do case "$1" in -o) out=$2;; -overlay) overlay=$2;; esac; shift; done
[ "$1" = . ] && cp "$overlay" "$out"
"""
    script(empty / "bin" / "go", fake)
    (empty / "bin" / "cp").symlink_to("/bin/cp")
    done = run_build(empty, KUBERNETES_PLUGIN)
    built = list((empty / "cache/gx-infra/tools").glob(f"{KUBERNETES_PLUGIN}-*/{KUBERNETES_PLUGIN}"))
    assert len(built) == 1, done.stderr
    folder = BINARIES[KUBERNETES_PLUGIN].folder
    assert json.loads(built[0].read_text())["Replace"] == {
        f"{folder}/{name}": f"/modules/provider/{name}" for name in ("schema.json", "terraform-mapping.json")
    }


def test_the_plugin_answers_with_a_version_that_the_sdk_accepts() -> None:
    """The engine warns of a plugin that is older than the SDK; what it is itself stands behind the plus."""
    stamped = BINARIES[KUBERNETES_PLUGIN].ldflags().rpartition("=")[2]
    public, _, own = stamped.partition("+")
    assert public == metadata.version("pulumi-kubernetes")
    assert f"v{own}" == BINARIES[KUBERNETES_PLUGIN].version()


def test_the_list_of_missing_programs_is_empty_where_all_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    def somewhere(_binary: Binary) -> Path:
        return Path("/somewhere")

    monkeypatch.setattr(build, "installed", somewhere)
    assert build.missing() == []
