"""The command `gx`: what Pulumi itself does not do."""

import contextlib
import importlib
import json
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from gx.arguments import Stack, Stacks
from gx.errors import SIGNALS, ClusterError, InputError, Interrupted, changes, note_change
from gx.known_secrets import guard_errors
from gx.local.commands import local
from gx.operate.commands import adopt
from gx.operate.data_commands import backups, remove_test_users, restore, rotate
from gx.operate.diff_commands import diff
from gx.operate.edge_commands import dns, edge
from gx.operate.pin_commands import pin
from gx.operate.promote_commands import promote
from gx.operate.prune_commands import prune
from gx.operate.reach_commands import reach
from gx.operate.verify_commands import verify
from gx.plan.record import RecorderCrashError, record
from gx.settings.project import networks, project_root

if TYPE_CHECKING:
    from gx.checks.finding import Finding
    from gx.operate.adopt import Adoption
    from gx.plan.model import Plan

BAD_INPUT = 2
USUAL_REGISTRATIONS = 120
"""About how many registrations a network has: only the length of the progress bar."""

app = typer.Typer(
    help="Preview and check the GX Coin platform, run a network on this machine, adopt one that was made by hand.",
    epilog="Begin with `gx preview devnet`: it contacts nothing and changes nothing. `gx local up devnet` then runs it "
    "on this machine (`make tools` once before). docs/tutorial.md takes you through; `gx COMMAND --help` says more.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _load_checks() -> None:
    """Load what checks and printing need, while the recorder runs: half a second that nobody waits for."""
    from gx.checks.schema import warm_up

    for module in ("gx.plan.render", "gx.plan.tree"):
        importlib.import_module(module)
    warm_up()


def _record(stack: str, root: Path, console: Console) -> "Plan":
    """Record a Plan with a progress bar on a terminal and plain lines elsewhere."""
    if not console.is_terminal:
        console.print(f"recording {stack} ...")
        plan = record(stack, root=root, before_wait=_load_checks)
        console.print(f"recorded {stack}: {len(plan.resources)} registrations in {plan.seconds:.1f} s")
        return plan
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"recording {stack}", total=USUAL_REGISTRATIONS)
        return record(
            stack,
            root=root,
            before_wait=_load_checks,
            progress=lambda count: progress.update(task, completed=count, total=max(count, USUAL_REGISTRATIONS)),
        )


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
        bool, typer.Option("--show-secrets", help="Show secret values; generated ones are stand-ins.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the Plan and the findings as JSON.")] = False,
) -> None:
    """Show everything that the program would put on a network, with checks. Contacts nothing, changes nothing.

    A page never holds a secret. With --context the cluster is read, and only read.
    Ends with 0, or with 2 when the input is wrong or a check finds an error.
    """
    started = time.perf_counter()
    console, status = Console(highlight=False), Console(stderr=True, highlight=False)
    root = project_root()
    _check_places(render, html)
    adoption = _page_options(stack, html, context, show_secrets=show_secrets)
    plan = _record(stack, root, status)

    from gx.checks import run_checks
    from gx.checks.finding import Severity
    from gx.plan.render import write_rendered
    from gx.plan.tree import print_plan

    findings = run_checks(plan)
    failed = any(finding.severity is Severity.ERROR for finding in findings)
    if render is not None and not failed:
        count = write_rendered(plan, render, show_secrets=show_secrets)
        note_change(str(render), f"{render} was written")
        status.print(f"wrote {count} files to {render}", soft_wrap=True)
    if html is not None:
        from gx.report.page import make_report

        make_report(plan, findings, root, html, adoption=adoption(plan))
        status.print(f"wrote {html}", soft_wrap=True)
    if as_json:
        document = {**plan.to_json(show_secrets=show_secrets), "findings": [_as_json(finding) for finding in findings]}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        seen = f"the cluster of {context} was read" if context else "nothing was contacted"
        print_plan(console, plan, findings, time.perf_counter() - started, seen)
    if failed:
        if render is not None:
            status.print(f"nothing was written to {render}: an error was found", soft_wrap=True)
        raise typer.Exit(BAD_INPUT)


def _check_places(render: Path | None, html: Path | None) -> None:
    """Refuse a place where something would be lost, before anything is worked out."""
    if render is not None:
        from gx.plan.render import check_folder

        check_folder(render)
    if html is not None:
        from gx.report.page import check_file

        check_file(html)


def _page_options(
    stack: str, html: Path | None, context: str, *, show_secrets: bool
) -> "Callable[[Plan], Adoption | None]":
    """Return what compares a Plan with the cluster that was named; a wrong combination is refused at once."""
    if context and html is None:
        fix = f"gx preview {stack} --html report.html --context {context}, or gx adopt {stack} --context {context}"
        raise InputError(file="gx preview", key="--context", consequence="belongs to --html", fix=fix)
    if html is not None and show_secrets:
        consequence = "does not go into a page: pages are passed on"
        raise InputError(file="gx preview", key="--show-secrets", consequence=consequence, fix="leave out one of them")
    if not context:
        return lambda _: None
    from gx.operate.compare import compared

    return compared(stack, context)


def _as_json(finding: "Finding") -> dict[str, str]:
    return {
        "severity": finding.severity.value,
        "check": finding.check,
        "place": finding.place,
        "text": finding.text,
    }


def check(
    stacks: Stacks = None,
    context: Annotated[
        str, typer.Option("--context", metavar="NAME", help="Judge what this cluster really holds instead.")
    ] = "",
) -> None:
    """Run every check over the named networks and compare their Plans with each other.

    With --context the rules that hold for live objects are applied to those of one network's cluster.
    Ends with 0, or with 2 when the input is wrong or a check finds an error. A network that is refused hides no other.
    """
    console, status = Console(highlight=False), Console(stderr=True, highlight=False)
    root = project_root()
    if context:
        _check_live(stacks or [], context, root, console, status)
        return
    plans: list[Plan] = []
    refused: list[InputError] = []
    for stack in stacks or networks(root):
        try:
            plans.append(_record(stack, root, status))
        except InputError as error:
            refused.append(error)

    from gx.checks import run_checks
    from gx.checks.finding import Severity
    from gx.checks.isolation import check_overlap
    from gx.plan.tree import findings_text

    failed = False
    for plan in plans:
        findings = run_checks(plan)
        console.print(plan.network, style="bold")
        console.print(*findings_text(findings), sep="\n", soft_wrap=True)
        failed |= any(finding.severity is Severity.ERROR for finding in findings)
    overlap = list(check_overlap(plans))
    if overlap:
        console.print("between networks", style="bold")
        console.print(*findings_text(overlap), sep="\n", soft_wrap=True)
    sys.stderr.writelines(f"{error}\n" for error in refused)
    if failed or overlap or refused:
        raise typer.Exit(BAD_INPUT)


def _check_live(stacks: list[str], context: str, root: Path, console: Console, status: Console) -> None:
    from gx.checks.finding import Severity
    from gx.operate.live_checks import live_findings
    from gx.operate.prepare import prepare
    from gx.plan.tree import findings_text

    if len(stacks) != 1:
        fix = f"gx check mainnet --context {context}"
        raise InputError(file="gx check", key="--context", consequence="belongs to one network", fix=fix)
    prepared = prepare(stacks[0], context, need_zone=False)
    findings = live_findings(prepared, _record(stacks[0], root, status))
    console.print(*findings_text(findings), sep="\n", soft_wrap=True)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise typer.Exit(BAD_INPUT)


def schema(
    check_only: Annotated[bool, typer.Option("--check", help="Only say whether the file is current.")] = False,
) -> None:
    """Write the editor's JSON schema of the stack files to docs/stack-file.schema.json."""
    from gx.settings.schema import SCHEMA_FILE, schema_text

    path = project_root() / SCHEMA_FILE
    text = schema_text()
    if check_only:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            raise InputError(file=SCHEMA_FILE, consequence="does not match the settings", fix="run `gx schema`")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    note_change(SCHEMA_FILE, f"{SCHEMA_FILE} was written")


COMMANDS: tuple[tuple[Callable[..., None], str], ...] = (
    (preview, "everything that a network would get; offline"),
    (check, "every check over the networks, or over a live one"),
    (diff, "what a change does to the networks; offline"),
    (reach, "who reaches whom on which port, by which policy"),
    (verify, "proof that a network works, after a deployment"),
    (promote, "a verified set of versions goes to the next network"),
    (pin, "the digests that run, into the release file"),
    (adopt, "takes over a network that was made by hand"),
    (prune, "removes what only the live objects have"),
    (backups, "the snapshots of a network: age, size, last drill"),
    (restore, "brings a snapshot back and proves it there"),
    (rotate, "a new value of a secret: what restarts, then the key"),
    (dns, "the zone beside what the network wants"),
    (remove_test_users, "removes the test users that the program added"),
    (schema, "the editor's schema of the stack files"),
)
"""In the order in which a person meets them, each with what it is for in one line of the list."""

for _function, _summary in COMMANDS:
    app.command(short_help=_summary)(_function)
app.add_typer(local, name="local", short_help="a network on this machine, with --pods for real")
app.add_typer(edge, name="edge", short_help="the way in: cut-over, Cloudflare's ranges, controller")


def _interrupt(number: int, _frame: object) -> None:
    for one in SIGNALS:
        signal.signal(one, signal.SIG_IGN)  # the way back is short: a second Ctrl-C must not cut it off
    raise Interrupted(number)


def main() -> None:
    """Run the command; a person's mistake becomes one line and exit code 2."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, _interrupt)
    guard_errors()
    try:
        app()
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(BAD_INPUT)
    except ClusterError as error:
        line = InputError(file="the cluster", consequence=str(error), fix="correct the connection or the rights")
        sys.stderr.write(f"{line}\n")
        sys.exit(BAD_INPUT)
    except RecorderCrashError as error:
        sys.stderr.write(
            f"{error}\ngx: the program failed; this is a defect of gx-infra, please report it with the lines above\n"
        )
        sys.exit(1)
    except Interrupted as interrupted:
        with contextlib.suppress(OSError):  # the terminal may be closed
            sys.stderr.write(f"interrupted; {interrupted.state or changes()}\n")
            sys.stderr.flush()
        sys.exit(interrupted.code)
    except Exception:  # noqa: BLE001 as one text: Python itself writes it in parts, and a secret could stand in two
        sys.stderr.write(traceback.format_exc())
        sys.exit(1)
