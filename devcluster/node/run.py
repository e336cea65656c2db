"""Runs somebody else's program; what it refuses becomes one line."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from common.errors import InputError


def output_of(command: Sequence[str], consequence: str, cwd: Path | None = None) -> str:
    """Return what a program prints.

    Args:
        command: The program and its words.
        consequence: What is not done if it fails; what it said last follows.
        cwd: Where it runs.

    Raises:
        InputError: It is not installed, or it failed.
    """
    try:
        done = subprocess.run(  # noqa: S603 fixed words and our own files
            command, capture_output=True, text=True, check=False, cwd=cwd
        )
    except FileNotFoundError:
        fix = "run `make tools`, which installs what tools/debian-packages.txt lists"
        raise InputError(file=command[0], consequence=f"is not installed: {consequence}", fix=fix) from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise InputError(file=command[0], consequence=f"{consequence}: {last[-300:]}", fix="correct what it names")
    return done.stdout
