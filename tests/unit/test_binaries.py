"""Pinned programs: found where they fit, never half installed, and without Go a clear line."""

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from common.errors import InputError
from devcluster.binaries import FOLDER, KUBERNETES_PLUGIN, MODULE_OF, Module, find
from settings.project import ROOT
from tools import programs

ETCD = MODULE_OF["etcd"]
PLUGIN = MODULE_OF[KUBERNETES_PLUGIN]


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


@pytest.mark.parametrize("module", programs.EVERY, ids=lambda module: module.name)
def test_every_module_pins_what_is_built(module: Module) -> None:
    assert re.fullmatch(r"v\d+\.\d+\.\d+\S*", module.version())
    assert (module.folder / "go.sum").stat().st_size > 1000
    tools = re.findall(r"^(?:tool |\t)(\S+/\S+)$", (module.folder / "go.mod").read_text(), re.MULTILINE)
    names = [tool.removesuffix("/v3").rpartition("/")[2] for tool in tools]
    if module.embeds:
        assert (module.folder / "main.go").exists(), "a main of our own is built in the package's place"
    elif len(tools) > 1:
        assert sorted(names) == sorted(module.programs), "go names them so"
    else:
        assert len(tools) == len(module.programs) == 1


def test_every_module_is_used() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {module.name for module in programs.EVERY}


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
    assert MODULE_OF[name].installed(name) == (program if fits else None)


def test_a_program_that_setup_envtest_downloaded_is_used(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = script(empty / "bin" / "kube-apiserver", "echo 'Kubernetes v1.33.0'")
    program = script(empty / "k8s" / "1.33.0-linux-amd64" / "kube-apiserver", "echo 'Kubernetes v1.33.0'")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(program.parent))
    assert MODULE_OF["kube-apiserver"].installed("kube-apiserver") == program
    script(program, "echo 'Kubernetes v1.32.1'")
    assert MODULE_OF["kube-apiserver"].installed("kube-apiserver") == old


def test_the_key_of_the_cache_follows_the_sums(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ETCD.cached()
    folder = empty / "modules" / "etcd"
    folder.mkdir(parents=True)
    for name in ("go.mod", "go.sum"):
        (folder / name).write_text((ETCD.folder / name).read_text())
    monkeypatch.setattr("devcluster.binaries.FOLDER", folder.parent)
    assert ETCD.cached() == before
    (folder / "go.sum").write_text("another\n")
    assert ETCD.cached() != before


@pytest.mark.usefixtures("empty")
def test_a_missing_program_says_what_to_do() -> None:
    with pytest.raises(InputError, match=r"etcd: is neither on PATH .* fix: run `make tools`"):
        find("etcd")


def run_build(empty: Path, name: str = "etcd") -> "subprocess.CompletedProcess[str]":
    code = (
        "from tools import programs; from devcluster.binaries import MODULE_OF; "
        f"programs.downloadable = lambda: False; programs.missing = lambda: [MODULE_OF['{name}']]; programs.main()"
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
    assert "go install failed, nothing was installed: no space left on device" in done.stderr
    assert [path.name for path in (empty / "cache/gx-infra/tools").iterdir()] == ["lock"]


def test_a_build_is_announced_with_its_time_and_put_in_place(empty: Path) -> None:
    """Go calls etcd after its package."""
    script(empty / "bin" / "go", '[ "$1" = env ] && echo go1.26.8 || { mkdir "$GOBIN"; : > "$GOBIN/server"; }')
    (empty / "bin" / "mkdir").symlink_to("/bin/mkdir")
    done = run_build(empty)
    assert "building etcd v3.6.16 (1 of 1): about 40 s" in done.stderr
    assert len(list((empty / "cache/gx-infra/tools").glob("etcd-*/etcd"))) == 1, done.stderr


def test_a_main_of_our_own_is_built_with_the_files_of_the_module_that_it_embeds(empty: Path) -> None:
    """The fake compiler writes the overlay that it was given in the place of the program."""
    fake = """case "$1" in env) echo go1.26.8; exit;; list) echo /modules/provider; exit;; esac
while [ $# -gt 1 ]; do case "$1" in -overlay) overlay=$2;; esac; shift; done
[ "$1" = . ] && mkdir "$GOBIN" && cp "$overlay" "$GOBIN/pulumi-kubernetes"
"""
    script(empty / "bin" / "go", fake)
    for name in ("cp", "mkdir"):
        (empty / "bin" / name).symlink_to(f"/bin/{name}")
    done = run_build(empty, KUBERNETES_PLUGIN)
    built = list((empty / "cache/gx-infra/tools").glob(f"pulumi-kubernetes-*/{KUBERNETES_PLUGIN}"))
    assert len(built) == 1, done.stderr
    assert json.loads(built[0].read_text())["Replace"] == {
        f"{PLUGIN.folder}/{name}": f"/modules/provider/{name}" for name in ("schema.json", "terraform-mapping.json")
    }


def test_the_plugin_answers_with_a_version_that_the_sdk_accepts() -> None:
    """The engine warns of a plugin that is older than the SDK; what it is itself stands behind the plus."""
    stamped = PLUGIN.ldflags().rpartition("=")[2]
    public, _, own = stamped.partition("+")
    assert public == metadata.version("pulumi-kubernetes")
    assert f"v{own}" == PLUGIN.version()


def test_the_list_of_missing_programs_is_empty_where_all_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    def somewhere(_module: Module, _name: str) -> Path:
        return Path("/somewhere")

    monkeypatch.setattr(Module, "installed", somewhere)
    assert programs.missing() == []
