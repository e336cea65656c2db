"""Checkov and kube-score over the rendered manifests of every network: `make scan`.

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

from gx.errors import InputError
from gx.local.binaries import find
from gx.objects import sequence
from gx.plan.model import Plan
from gx.plan.record import record
from gx.plan.render import write_rendered
from gx.settings.fields import Model
from gx.settings.load import validated
from gx.settings.project import ROOT, networks, read_mapping

WAIVERS = "policy/waivers.yaml"
CHECKOV = ROOT / "tools/checkov/.venv/bin/checkov"
OFFLINE = {"BC_SKIP_MAPPING": "TRUE", "CKV_IGNORE_HIDDEN_DIRECTORIES": "true"}
WARNING = 5
"""Kube-score's grades: 1 is critical, 5 a warning, 10 is good."""
LATEST = "1.33"
"""Kubernetes of production (production.md 1)."""


class Waiver(Model):
    """One exception.

    Attributes:
        tool: Whose check it is.
        check: Regular expression that the whole of its id must match.
        objects: Regular expression that the whole of "Kind/name" must match.
        reason: Why it does not hold here.
    """

    tool: str = Field(pattern=r"^(checkov|kube-score)$")
    check: str = Field(min_length=3)
    objects: str = ".*"
    reason: str = Field(min_length=20)


class Waivers(Model):
    """Every exception."""

    waivers: tuple[Waiver, ...]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that a tool does not like."""

    network: str
    tool: str
    check: str
    place: str
    text: str

    def waived_by(self, waiver: Waiver) -> bool:
        """Return whether an exception covers it."""
        same = self.tool == waiver.tool and re.fullmatch(waiver.check, self.check)
        return bool(same and re.fullmatch(waiver.objects, self.place))


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
                tool="checkov",
                check=failed["check_id"],
                place=f"{kind}/{name}",
                text=failed["check_name"],
            )


def kube_score(network: str, folder: Path) -> Iterator[Problem]:
    """Yield what kube-score finds in a folder of manifests."""
    files = [str(file) for file in sorted(folder.glob("*.yaml"))]
    command = [str(find("kube-score")), "score", "--output-format", "json", "--kubernetes-version", f"v{LATEST}"]
    for judged in json.loads(_run([*command, *files])):
        kind, *_, name = judged["object_name"].split("/")
        for check in judged["checks"]:
            if not check["skipped"] and check["grade"] <= WARNING:
                comments = [str(comment["summary"]) for comment in sequence(check, "comments")]
                yield Problem(
                    network=network,
                    tool="kube-score",
                    check=check["check"]["id"],
                    place=f"{kind}/{name}",
                    text=next(iter(comments), str(check["check"]["name"])),
                )


def _run(command: Sequence[str]) -> str:
    """Return what a tool prints; both end with 1 when they find something."""
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
    """Return what both tools find in a network's manifests."""
    with tempfile.TemporaryDirectory(prefix="gx-scan-") as name:
        folder = Path(name) / "rendered"
        write_rendered(plan, folder)
        return [*checkov(plan.network, folder), *kube_score(plan.network, folder)]


def judge(found: Iterable[Problem], waivers: Sequence[Waiver]) -> tuple[list[Problem], list[Waiver]]:
    """Return the problems that no exception covers, and the exceptions that cover nothing."""
    problems = list(found)
    left = [problem for problem in problems if not any(problem.waived_by(waiver) for waiver in waivers)]
    unused = [waiver for waiver in waivers if not any(problem.waived_by(waiver) for problem in problems)]
    return left, unused


def main() -> int:
    """Scan every network; return how many things are wrong."""
    found = [problem for network in networks() for problem in scan(record(network))]
    left, unused = judge(found, read_waivers())
    for problem in left:
        sys.stdout.write(f"{problem.network}: {problem.place}: {problem.text} ({problem.tool} {problem.check})\n")
    for waiver in unused:
        sys.stdout.write(f"{WAIVERS}: {waiver.tool} {waiver.check} {waiver.objects}: covers nothing; remove it\n")
    sys.stdout.write(f"{len(found)} findings, {len(found) - len(left)} waived with a reason, {len(left)} left\n")
    return len(left) + len(unused)


if __name__ == "__main__":
    try:
        sys.exit(min(main(), 1))
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
