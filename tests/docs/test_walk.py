"""The tutorial and the guides, typed as they stand in a fresh clone: what they show is what a user gets."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from settings.project import ROOT
from tests.engine.conftest import needed_binaries
from tests.helpers.documents import Step, blocks, steps
from tests.helpers.repository import git, repository

GAP = "..."
OTHERS = ("PYTEST", "PYTHON", "VIRTUAL_ENV", "MAKE", "MFLAGS", "UV", "KUBECONFIG", "PULUMI", "CLOUDFLARE")
"""What the environment of the tests holds and that of a user's first shell does not."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a clone whose environment is its own; what a page starts in it is ended at the end."""
    folder = repository(tmp_path_factory.mktemp("walk") / "gx-infra")
    ended, output = run(folder, "make setup")
    assert ended == 0, output
    yield folder
    run(folder, ".venv/bin/gx local down --delete")


def run(folder: Path, command: str) -> tuple[int, str]:
    """Type a command; return its exit code and all that it says."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(OTHERS)}
    uv = ROOT / ".tools/uv/bin"  # a machine that has uv: the first `make` does not install it then
    kept["PATH"] = f"{uv}:{kept['PATH']}" if uv.exists() else kept["PATH"]
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**kept, "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    return done.returncode, done.stdout


def steady(line: str) -> str:
    """Return a line without what differs between two runs."""
    return re.sub(r"\d+\.\d s\b", "N s", line.rstrip())


def missing(says: tuple[str, ...], output: str) -> str:
    """Return the first line of a page that a command does not say, in this order; empty if it says them all."""
    lines = [steady(line) for line in output.splitlines()]
    at, gap = 0, False
    for wanted in says:
        if wanted.strip() == GAP:
            gap = True
            continue
        start, whole = steady(wanted), not wanted.endswith(GAP)
        start = start if whole else start.removesuffix(GAP)
        ahead = lines[at:] if gap else lines[at : at + 1]
        found = next((n for n, line in enumerate(ahead) if (line == start if whole else line.startswith(start))), None)
        if found is None:
            return wanted
        at, gap = at + found + 1, False
    return ""


def walk(folder: Path, page: str, ready: Callable[[Step], None] = lambda _: None) -> int:
    """Type every command of a page, write every file that it shows with a title; return how many commands."""
    count = 0
    for block in blocks((ROOT / page).read_text(encoding="utf-8")):
        titled = re.search(r'title="([^"]+)"', block.info)
        if titled:
            (folder / titled[1]).write_text(block.body, encoding="utf-8")
        for step in steps(block.body) if block.info == "console" else ():
            ready(step)
            ended, output = run(folder, step.command)
            assert ended == step.ends, f"{page}: {step.command}\n{output}"
            assert not (line := missing(step.says, output)), (
                f"{page}: {step.command}: it does not say {line!r}\n{output}"
            )
            assert "Traceback" not in output
            count += 1
    return count


def needs_tools(step: Step) -> None:
    """Do not build for 20 minutes inside a test: the tier's programs must be there."""
    if "make tools" in step.command:
        needed_binaries()


@pytest.mark.timeout(900)
def test_the_tutorial(clone: Path) -> None:
    assert walk(clone, "docs/tutorial.md", needs_tools) >= 12
    assert git(clone, "status", "--porcelain") == ""
    assert not (clone / ".gx-local").exists()


@pytest.mark.parametrize("page", ["add-a-network", "add-a-service", "remove-a-service"])
def test_a_guide(clone: Path, page: str) -> None:
    try:
        assert walk(clone, f"docs/how-to/{page}.md") >= 6
        assert git(clone, "status", "--porcelain") != ""
    finally:
        git(clone, "reset", "--quiet", "--hard")
        git(clone, "clean", "--quiet", "-fd")


@pytest.mark.parametrize(
    ("says", "line"),
    [
        (("a", "c"), "c"),
        (("b",), "b"),
        (("...", "x"), "x"),
        (("a", "...", "b"), ""),
        (("...", "took 9.9 s"), ""),
        (("...", "to..."), ""),
        (("...", "c", "b"), "b"),
    ],
)
def test_what_a_page_says_wrongly_is_noticed(says: tuple[str, ...], line: str) -> None:
    assert missing(says, "a\nb\nc\ntook 1.2 s\n") == line


def test_an_exit_code_that_is_not_said_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("```console\n$ false\n```\n")
    with pytest.raises(AssertionError, match="false"):
        walk(tmp_path, str(tmp_path / "page.md"))
