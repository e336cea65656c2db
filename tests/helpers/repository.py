"""A git repository of the project as it is, with commits of a test's own."""

import shutil
import subprocess
import tomllib
from pathlib import Path

from settings.project import ROOT

STOREYS: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
"""The folders of product code, as the contracts of their imports name them."""
AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")


def repository(folder: Path) -> Path:
    """Copy everything that git tracks, or would, into a repository with one commit; return its folder."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True, check=True
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file() and not name.startswith(("tests/", "docs/pictures/")):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit(folder, "as it is")
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Run git in a repository; return what it says."""
    command = ["git", "-C", str(folder), *AUTHOR, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def commit(folder: Path, message: str) -> str:
    """Commit everything; return the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")
