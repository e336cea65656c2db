"""`gx diff` in the repositories that people and CI have: shallow, detached, of another owner, inside a hook."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.helpers.command import one_line, run_gx
from tests.helpers.repository import commit, git, repository


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with two commits."""
    folder = repository(tmp_path_factory.mktemp("origin"))
    (folder / "README.md").write_text("a page\n")
    commit(folder, "a page")
    return folder


def diff(*arguments: str, cwd: Path, tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return run_gx("diff", *arguments, cwd=cwd, env={"XDG_CACHE_HOME": str(tmp_path / "cache"), **variables})


def test_a_shallow_clone_says_so(origin: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{origin}", str(clone)], check=True)
    line = one_line(diff("HEAD~1", "devnet", cwd=clone, tmp_path=tmp_path))
    assert "git knows none: this clone is shallow; fix: git fetch --unshallow" in line


def test_a_detached_checkout_is_told_the_remote_branch(origin: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", f"file://{origin}", str(clone)], check=True)
    git(clone, "checkout", "--quiet", "--detach")
    git(clone, "branch", "--quiet", "-D", "main")
    line = one_line(diff("main", "devnet", cwd=clone, tmp_path=tmp_path))
    assert "git knows none; fix: this clone has no branch of that name: name origin/main" in line
    assert diff("origin/main", "devnet", cwd=clone, tmp_path=tmp_path).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another owner")
def test_a_repository_of_another_owner_is_named_with_gits_own_reason(origin: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", f"file://{origin}", str(clone)], check=True)
    for path in (clone, clone / ".git"):
        os.chown(path, 12345, 12345)
    line = one_line(diff("HEAD", "devnet", cwd=clone, tmp_path=tmp_path, SUDO_UID=""))
    assert "git knows none (detected dubious ownership in repository" in line
    assert f"fix: if you trust it: git config --global --add safe.directory {clone}" in line
    trusted = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    assert diff("HEAD", "devnet", cwd=clone, tmp_path=tmp_path, **trusted).returncode == 0


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"])
def test_a_variable_of_another_repository_leads_nowhere(origin: Path, tmp_path: Path, variable: str) -> None:
    other = tmp_path / "other"
    git(tmp_path, "init", "--quiet", str(other))
    done = diff("HEAD~1", "devnet", cwd=origin, tmp_path=tmp_path, **{variable: str(other / ".git")})
    assert done.returncode == 0, done.stderr
    assert "devnet: no change" in done.stdout
