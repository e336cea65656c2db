"""Checkov over the rendered manifests of every network: `make scan`.

Each exception stands in policy/waivers.yaml with its reason; one that is not needed any more is a mistake.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import Field

from common.errors import InputError
from common.objects import sequence
from common.plan import Plan
from gx.plan.record import record
from gx.plan.render import write_rendered
from settings.fields import Model
from settings.project import ROOT, networks, read_mapping
from settings.validation import validated

WAIVERS = "policy/waivers.yaml"
CHECKOV = ROOT / "tools/checkov/.venv/bin/checkov"
OFFLINE = {"BC_SKIP_MAPPING": "TRUE", "CKV_IGNORE_HIDDEN_DIRECTORIES": "true"}


class Waiver(Model):
    """One exception.

    Attributes:
        check: Regular expression that the whole of its id must match.
        objects: Regular expression that the whole of "Kind/name" must match.
        reason: Why it does not hold here.
    """

    check: str = Field(min_length=3)
    objects: str = ".*"
    reason: str = Field(min_length=20)


class Waivers(Model):
    """Every exception."""

    waivers: tuple[Waiver, ...]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that checkov does not like."""

    network: str
    check: str
    location: str
    text: str

    def waived_by(self, waiver: Waiver) -> bool:
        """Return whether an exception covers it."""
        return bool(re.fullmatch(waiver.check, self.check) and re.fullmatch(waiver.objects, self.location))


def read_waivers(root: Path = ROOT) -> tuple[Waiver, ...]:
    """Return the exceptions.

    Raises:
        InputError: The file cannot be used.
    """
    return validated(Waivers, read_mapping(WAIVERS, root=root, fix="restore it from git"), WAIVERS).waivers


def checkov(network: str, folder: Path) -> Iterator[Problem]:
    """Yield what checkov finds in a folder of manifests."""
    command = [str(CHECKOV), "-d", str(folder), "--framework", "kubernetes", "-o", "json", "--compact", "--quiet"]
    found: Any = json.loads(_run([*command, "--skip-download"]))
    reports = cast("list[Any]", found if isinstance(found, list) else [found])
    for report in reports:
        for failed in sequence(report, "results", "failed_checks"):
            kind, *_, name = str(failed["resource"]).split(".", 2)
            yield Problem(
                network=network,
                check=failed["check_id"],
                location=f"{kind}/{name}",
                text=failed["check_name"],
            )


def _run(command: Sequence[str]) -> str:
    """Return what checkov prints; it ends with 1 when it finds something."""
    environment = {**os.environ, **OFFLINE}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 pinned tools
    if done.returncode not in {0, 1} or not done.stdout.strip():
        raise InputError(
            file=Path(command[0]).name,
            consequence=f"ended with {done.returncode}: {done.stderr.strip()[-200:]}",
            fix="run `make tools`",
        )
    return done.stdout


def scan(plan: Plan) -> list[Problem]:
    """Return what checkov finds in a network's manifests."""
    with tempfile.TemporaryDirectory(prefix="gx-scan-") as name:
        folder = Path(name) / "rendered"
        write_rendered(plan, folder)
        return list(checkov(plan.network, folder))


def evaluate(found: Iterable[Problem], waivers: Sequence[Waiver]) -> tuple[list[Problem], list[Waiver]]:
    """Return the problems that no exception covers, and the exceptions that cover nothing."""
    problems = list(found)
    left = [problem for problem in problems if not any(problem.waived_by(waiver) for waiver in waivers)]
    unused = [waiver for waiver in waivers if not any(problem.waived_by(waiver) for problem in problems)]
    return left, unused


def main() -> int:
    """Scan every network; return how many things are wrong."""
    found = [problem for network in networks() for problem in scan(record(network))]
    left, unused = evaluate(found, read_waivers())
    for problem in left:
        sys.stdout.write(f"{problem.network}: {problem.location}: {problem.text} ({problem.check})\n")
    for waiver in unused:
        sys.stdout.write(f"{WAIVERS}: {waiver.check} {waiver.objects}: covers nothing; remove it\n")
    sys.stdout.write(f"{len(found)} findings, {len(found) - len(left)} waived with a reason, {len(left)} left\n")
    return len(left) + len(unused)


if __name__ == "__main__":
    try:
        sys.exit(min(main(), 1))
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
