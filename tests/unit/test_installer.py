"""`make tools` takes what the machine has: any supported PostgreSQL, wherever its package puts it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from settings.project import ROOT
from tests.helpers.postgres import postgres_programs

POSTGRES = "/usr/lib/postgresql/"
"""Where Debian and Ubuntu put the servers, by major version."""


def program(path: Path, text: str = "exit 1") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def install(folder: Path, major: int) -> subprocess.CompletedProcess[str]:
    """Run the installer where every other package is there, apt-get says what it is asked for, and one server is."""
    servers, tools, commands = folder / "postgresql", folder / "tools", folder / "commands"
    program(servers / str(major) / "bin/postgres")
    tools.mkdir()
    shutil.copy(ROOT / "tools/install.sh", tools)
    listed = (ROOT / "tools/debian-packages.txt").read_text()
    assert POSTGRES in listed
    for _, proof in (line.split() for line in listed.splitlines()[1:]):
        program(commands / proof.rsplit("/", 1)[-1])
    moved = listed.replace(POSTGRES, f"{servers}/").replace("/usr/lib/cni/", f"{commands}/")
    (tools / "debian-packages.txt").write_text(moved)
    program(commands / "sudo")
    program(commands / "apt-get", 'echo "apt-get $*" >&2; exit 7')
    environment = {"PATH": f"{commands}:/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run([tools / "install.sh"], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("major", [13, 14, 15, 16, 17])
def test_a_server_of_any_supported_version_is_enough(tmp_path: Path, major: int) -> None:
    done = install(tmp_path, major)
    assert (done.returncode, done.stdout) == (0, "tools: nothing is missing\n"), done.stderr
    assert postgres_programs(tmp_path / "postgresql").parent.name == str(major)


@pytest.mark.parametrize("major", [9, 12, 18])
def test_another_version_is_not_enough(tmp_path: Path, major: int) -> None:
    done = install(tmp_path, major)
    assert done.returncode != 0
    assert re.search(r"(installing|apt-get install) postgresql( |$)", done.stdout + done.stderr, re.MULTILINE)
    assert not (postgres_programs(tmp_path / "postgresql") / "postgres").exists()


def test_production_s_version_is_taken_first(tmp_path: Path) -> None:
    for major in (13, 15, 17):
        program(tmp_path / str(major) / "bin/postgres")
    assert postgres_programs(tmp_path) == tmp_path / "15/bin"
    shutil.rmtree(tmp_path / "15")
    assert postgres_programs(tmp_path) == tmp_path / "17/bin"
