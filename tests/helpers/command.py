"""The command `gx` as tests run it: in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from settings.project import ROOT


def gx_words(*arguments: str, first: str = "") -> list[str]:
    """Return the command line of `gx` with arguments; `first` is Python that runs before it."""
    return [sys.executable, "-c", f"{first}\nfrom gx.cli.start import main; main()", *arguments]


def run_gx(
    *arguments: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None, first: str = "", timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run `gx` to its end, with variables beside those of the tests."""
    return subprocess.run(
        gx_words(*arguments, first=first),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line by which a command refuses bad input."""
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert "; fix: " in line
    return line
