"""`gx preview`: everything that the program would put on a network, offline."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from common.errors import InputError
from gx.cli.arguments import Stack
from gx.cli.exit_codes import BAD_INPUT
from gx.cli.output import Output
from gx.plan.progress import record_shown
from settings.project import project_root


def preview(  # noqa: PLR0917 options of a command
    stack: Stack,
    render: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write one YAML file per object into this folder.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write everything as one page for a browser, errors included.")
    ] = None,
    context: Annotated[
        str, typer.Option("--context", metavar="NAME", help="With --html: what adopting this cluster would change.")
    ] = "",
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Show secret values; generated ones are placeholders.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the Plan and the findings as JSON.")] = False,
) -> None:
    """Show everything that the program would put on a network, with checks. Contacts nothing, changes nothing.

    A page never holds a secret. With --context the cluster is read, and only read.
    Ends with 0, or with 2 when the input is wrong or a check finds an error.
    """
    started = time.perf_counter()
    console, status = Console(highlight=False), Output(stderr=True, soft_wrap=False)
    root = project_root()
    _check_options(stack, html, context, show_secrets=show_secrets)
    if render or html:  # a place where something would be lost is refused before anything is worked out
        from gx.preview.view import check_targets  # noqa: PLC0415

        check_targets(render, html)
    compare = None
    if context:
        from gx.adoption.compare import compared  # noqa: PLC0415

        compare = compared(stack, context)
    plan = record_shown(stack, root, status, _load_view)
    from gx.preview.view import View  # noqa: PLC0415 loaded while the recorder ran

    view = View(plan, root, console, status)
    failed = view.write(render, html, compare(plan) if compare else None, show_secrets=show_secrets)
    if as_json:
        view.print_json(show_secrets=show_secrets)
    else:
        seen = f"the cluster of {context} was read" if context else "nothing was contacted"
        view.print(time.perf_counter() - started, seen)
    if failed:
        if render is not None:
            status.print(f"nothing was written to {render}: an error was found", soft_wrap=True)
        raise typer.Exit(BAD_INPUT)


def _load_view() -> None:
    """Load what checks and printing need, while the recorder runs: half a second that nobody waits for."""
    from gx.preview.view import warm_up  # noqa: PLC0415

    warm_up()


def _check_options(stack: str, html: Path | None, context: str, *, show_secrets: bool) -> None:
    """Refuse a wrong combination at once."""
    if context and html is None:
        fix = f"gx preview {stack} --html report.html --context {context}, or gx adopt {stack} --context {context}"
        raise InputError(file="gx preview", key="--context", consequence="belongs to --html", fix=fix)
    if html is not None and show_secrets:
        consequence = "does not go into a page: pages are passed on"
        raise InputError(file="gx preview", key="--show-secrets", consequence=consequence, fix="leave out one of them")
