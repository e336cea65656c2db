"""`gx check`: every check over Plans, by a real API server too, or over what a cluster really holds."""

import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from common.errors import InputError
from common.plan import Plan
from gx.check.live import live_findings
from gx.check.server import server_findings
from gx.cli.arguments import Stacks
from gx.cli.exit_codes import BAD_INPUT
from gx.cli.output import Output
from gx.cluster.session import prepare
from gx.plan.progress import record_shown
from gx.preview.tree import findings_text
from rules import run_checks
from rules.finding import Finding, Severity
from rules.isolation import check_overlap
from rules.schema import warm_up
from settings.project import networks, project_root


def check(
    stacks: Stacks = None,
    context: Annotated[
        str, typer.Option("--context", metavar="NAME", help="Evaluate what this cluster really holds instead.")
    ] = "",
    server: Annotated[
        bool, typer.Option("--server", help="Offer every object to an API server of this machine, too (`make tools`).")
    ] = False,
) -> None:
    """Run every check over the named networks and compare their Plans with each other.

    With --server all objects and their pods are also offered to an empty API server of the pinned version, which
    starts for that alone, on loopback. With --context the rules that hold for live objects are applied to those of
    one network's cluster.
    Ends with 0, or with 2 when the input is wrong or a check finds an error. A network that is refused hides no other.
    """
    console, status = Output(soft_wrap=False), Output(stderr=True, soft_wrap=False)
    root = project_root()
    if context and server:
        fix = "leave one of them out"
        raise InputError(file="gx check", key="--context", consequence="looks elsewhere than --server", fix=fix)
    if context:
        _check_live(stacks or [], context, root, console, status)
        return
    plans: list[Plan] = []
    refused: list[InputError] = []
    for stack in stacks or networks(root):
        try:
            plans.append(record_shown(stack, root, status, warm_up))
        except InputError as error:
            refused.append(error)

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
    said = _offered(plans, console, status) if server else []
    sys.stderr.writelines(f"{error}\n" for error in refused)
    if failed or overlap or refused or any(finding.severity is Severity.ERROR for finding in said):
        raise typer.Exit(BAD_INPUT)


def _offered(plans: Sequence[Plan], console: Console, status: Console) -> list[Finding]:
    """Ask an API server; what starts it is above this package and found by its name, as `gx local` is."""
    api_server = importlib.import_module("devcluster.api_server").api_server
    started = time.monotonic()

    def report(line: str) -> None:
        status.print(f"{line} ...")

    with api_server(report) as api:
        objects = sum(len(plan.objects) for plan in plans)
        status.print(f"offering {objects} objects and their pods ...")
        found = list(server_findings(api, plans))
    console.print("a real API server", style="bold")
    console.print(*findings_text(found), sep="\n", soft_wrap=True)
    console.print(f"  {objects} objects and their pods offered in {time.monotonic() - started:.1f} s, with its start")
    return found


def _check_live(stacks: list[str], context: str, root: Path, console: Console, status: Console) -> None:
    if len(stacks) != 1:
        fix = f"gx check mainnet --context {context}"
        raise InputError(file="gx check", key="--context", consequence="belongs to one network", fix=fix)
    prepared = prepare(stacks[0], context, need_zone=False)
    findings = live_findings(prepared, record_shown(stacks[0], root, status, warm_up))
    console.print(*findings_text(findings), sep="\n", soft_wrap=True)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise typer.Exit(BAD_INPUT)
