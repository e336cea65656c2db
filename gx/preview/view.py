"""A Plan with its findings: as text, as JSON, as manifests, as a page."""

import json
import sys
from pathlib import Path

from rich.console import Console

from common.errors import note_change
from common.plan import Plan
from gx.adoption.adopt import AdoptionReport
from gx.plan.render import check_folder, write_rendered
from gx.preview.tree import print_plan
from rules import run_checks
from rules.finding import Severity
from rules.schema import warm_up

__all__ = ["View", "check_targets", "warm_up"]


def check_targets(render: Path | None, html: Path | None) -> None:
    """Refuse a place where something would be lost.

    Raises:
        InputError: A folder or file that is something else.
    """
    if render is not None:
        check_folder(render)
    if html is not None:
        from gx.report.page import check_file  # noqa: PLC0415 only a page needs what draws it

        check_file(html)


class View:
    """What `gx preview` shows.

    Args:
        plan: The Plan.
        root: The project's folder.
        console: Where it is shown.
        status: Where progress is shown.
    """

    def __init__(self, plan: Plan, root: Path, console: Console, status: Console) -> None:
        self._plan, self._root, self._console, self._status = plan, root, console, status
        self._findings = run_checks(plan)

    def write(
        self, render: Path | None, html: Path | None, adoption: AdoptionReport | None, *, show_secrets: bool
    ) -> bool:
        """Write files that were asked for; return whether a check found an error.

        Args:
            render: Folder of manifests; nothing is written there when an error was found.
            html: File of a page, errors included.
            adoption: What adopting a live network would change, for the page.
            show_secrets: Whether manifests hold secret values.
        """
        failed = any(finding.severity is Severity.ERROR for finding in self._findings)
        if render is not None and not failed:
            count = write_rendered(self._plan, render, show_secrets=show_secrets)
            note_change(str(render), f"{render} was written")
            self._status.print(f"wrote {count} files to {render}", soft_wrap=True)
        if html is not None:
            from gx.report.page import make_report  # noqa: PLC0415 only a page needs what draws it

            make_report(self._plan, self._findings, self._root, html, adoption=adoption)
            self._status.print(f"wrote {html}", soft_wrap=True)
        return failed

    def print_json(self, *, show_secrets: bool) -> None:
        """Print the Plan and the findings as JSON."""
        findings = [
            {
                "severity": finding.severity.value,
                "check": finding.check,
                "place": finding.location,
                "text": finding.text,
            }
            for finding in self._findings
        ]
        document = {**self._plan.to_json(show_secrets=show_secrets), "findings": findings}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")

    def print(self, seconds: float, seen: str) -> None:
        """Print the Plan as a tree, with the findings."""
        print_plan(self._console, self._plan, self._findings, seconds, seen)
