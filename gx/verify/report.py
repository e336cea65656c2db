"""What `gx verify` shows: a table for people, JSON and JUnit for programs."""

import json
from collections.abc import Sequence
from typing import Any, Self
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from gx.verify.model import CheckResult, Outcome

STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "yellow"}


class LiveReport:
    """Shows results as they come: a bar on a terminal, a line for each failure elsewhere."""

    def __init__(self, stack: str, total: int, console: Console) -> None:
        self._console, self._terminal = console, console.is_terminal
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=console, transient=True)
        self._task = self._bar.add_task(f"verifying {stack}", total=total)
        if not self._terminal:
            console.print(f"verifying {stack}: {total} checks ...")

    def __enter__(self) -> Self:
        if self._terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            self._bar.stop()

    def done(self, result: CheckResult) -> None:
        """Take one result."""
        self._bar.advance(self._task)
        if result.outcome is Outcome.FAILED:
            self._console.print(Text(f"failed: {result.name}: {result.text}", style="red"), soft_wrap=True)


def counts(results: Sequence[CheckResult]) -> dict[Outcome, int]:
    """Return how many checks ended how."""
    return {outcome: sum(result.outcome is outcome for result in results) for outcome in Outcome}


def print_table(console: Console, results: Sequence[CheckResult]) -> None:
    """Print every check with what it found."""
    table = Table("", "check", "found", "ms", box=None, pad_edge=False)
    table.columns[3].justify = "right"
    group = ""
    for result in results:
        if result.group != group:
            group = result.group
            table.add_row("", Text(group, style="bold"), "", "")
        table.add_row(
            Text(result.outcome.value, style=STYLES[result.outcome]),
            Text(f"  {result.name}"),
            Text(result.text),
            f"{result.seconds * 1000:.0f}",
        )
    console.print(table)


def summary(stack: str, results: Sequence[CheckResult], seconds: float) -> str:
    """Return the last line."""
    found = counts(results)
    said = ", ".join(f"{found[outcome]} {outcome.value}" for outcome in Outcome if found[outcome])
    return f"{stack}: {said} in {seconds:.1f} s"


def as_json(stack: str, results: Sequence[CheckResult], seconds: float) -> str:
    """Return everything as JSON."""
    document: dict[str, Any] = {
        "network": stack,
        "seconds": round(seconds, 3),
        **{outcome.value: count for outcome, count in counts(results).items()},
        "checks": [{**vars(result), "outcome": result.outcome.value} for result in results],
    }
    return json.dumps(document, indent=2) + "\n"


def as_junit(stack: str, results: Sequence[CheckResult], seconds: float) -> str:
    """Return everything as a JUnit report: the form that CI systems show."""
    found = counts(results)
    numbers = {"tests": len(results), "failures": found[Outcome.FAILED], "skipped": found[Outcome.SKIPPED]}
    head = {"name": f"gx verify {stack}", "time": f"{seconds:.3f}", **{key: str(n) for key, n in numbers.items()}}
    suite = ET.Element("testsuite", head)
    for result in results:
        case = {"classname": f"{stack}.{result.group}", "name": result.name, "time": f"{result.seconds:.3f}"}
        entry = ET.SubElement(suite, "testcase", case)
        if result.outcome is not Outcome.PASSED:
            kind = "failure" if result.outcome is Outcome.FAILED else "skipped"
            ET.SubElement(entry, kind, {"message": _printable(result.text)})
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _printable(text: str) -> str:
    """What a server says may hold characters that XML has no way to write."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
