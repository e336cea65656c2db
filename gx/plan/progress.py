"""Records a Plan and shows how far it is."""

from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from common.plan import Plan
from gx.plan.record import record

USUAL_REGISTRATIONS = 120
"""About how many registrations a network has: only the length of the progress bar."""


def record_shown(stack: str, root: Path, console: Console, before_wait: Callable[[], None]) -> Plan:
    """Record a Plan with a progress bar on a terminal and plain lines elsewhere.

    Args:
        stack: The stack.
        root: The project's folder.
        console: Where progress is shown.
        before_wait: Work that can be done while the program runs.
    """
    if not console.is_terminal:
        console.print(f"recording {stack} ...")
        plan = record(stack, root=root, before_wait=before_wait)
        console.print(f"recorded {stack}: {len(plan.resources)} registrations in {plan.seconds:.1f} s")
        return plan
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"recording {stack}", total=USUAL_REGISTRATIONS)
        return record(
            stack,
            root=root,
            before_wait=before_wait,
            progress=lambda count: progress.update(task, completed=count, total=max(count, USUAL_REGISTRATIONS)),
        )
