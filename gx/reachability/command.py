"""`gx reach`: who can reach whom on which port, and which policy says so."""

import difflib
import json
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from catalogue.feature_gates import FeatureGate
from common.errors import InputError
from gx.cli.arguments import Stack
from gx.cli.output import Output
from gx.cluster.session import prepare
from gx.plan.record import record
from gx.reachability.live_policies import live_state
from gx.reachability.observe import observe
from gx.reachability.observed import evaluated
from gx.reachability.view import explanation, grouped
from rules.reachability.matrix import Matrix, ReachRow
from rules.reachability.outvoted import not_in_force, opened
from rules.reachability.semantics import Policies
from rules.reachability.world import endpoints, old_policies, planned_policies
from settings.offline import offline_settings
from settings.project import project_root


def reach(  # noqa: PLR0917 options of a command
    stack: Stack,
    source: Annotated[str, typer.Option("--from", metavar="NAME", help="Only connections that begin here.")] = "",
    target: Annotated[str, typer.Option("--to", metavar="NAME", help="Only connections that end here.")] = "",
    context: Annotated[
        str, typer.Option("--context", metavar="NAME", help="Add the policies that are live in this cluster.")
    ] = "",
    observe: Annotated[
        bool, typer.Option("--observe", help="Only connections that happen, read on the nodes by a pod for a moment.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answers as JSON.")] = False,
) -> None:
    """Show who can reach whom on which port, by the policies of the Plan; with both names, say why or why not.

    Policies add up, so with --context a live policy may open what the planned ones close: each such row is marked.
    What a kubelet sends to pods of its own node, no policy can stop; what else the answer does not cover is a note on
    the standard error. Ends with 0, or with 2 when the input is wrong.
    """
    if observe:
        _observe(stack, context, source, target, as_json=as_json)
        return

    plan = record(stack, root=project_root())
    own, policies, old = plan.own_namespaces, planned_policies(plan), old_policies(plan)
    around = None
    if context:
        found = live_state(context, own, policies)
        old, around = list(found.policies), found.around
        sys.stderr.write("".join(f"note: {line}\n" for line in found.beyond))
    more, everybody = opened(plan, old, around), endpoints(plan, around)
    policies = Policies([*policies.all, *old])
    known = {endpoint.name: endpoint for endpoint in everybody}
    begin, end = (known[_known(name, known, stack)] if name else None for name in (source, target))
    if begin and end:
        lines = [explanation(policies, begin, end, port) for port in end.ports]
        sys.stdout.write("\n".join("\n".join(line) for line in lines) + "\n" if lines else f"{end.name} has no port\n")
        return
    matrix = Matrix(everybody, policies)
    rows = [_only(row, source) for row in matrix.rows(own) if not target or row.target.name == target]
    if as_json:
        sys.stdout.write(json.dumps([_as_json(row) for row in rows], indent=2) + "\n")
        return
    _print(stack, [row for row in rows if row.sources or not source])
    for one in more:
        if source in {"", one.source.name} and target in {"", one.target.name}:
            sys.stdout.write(f"made by hand: {one.text}\n")
    if more:
        sys.stdout.write(f"{not_in_force(more)}\n")
    if line := _retired(stack):
        sys.stdout.write(f"{line}\n")


def _observe(stack: str, context: str, source: str, target: str, *, as_json: bool) -> None:
    """Show the connections that happen and that the program's policies would cut, all of them as JSON."""
    if not context:
        fix = f"gx reach {stack} --observe --context NAME"
        raise InputError(file="gx reach", key="--observe", consequence="looks at a cluster", fix=fix)
    prepared = prepare(stack, context, need_zone=False)
    prepared.check_cluster(prepared.read_uid())
    plan, api = record(stack, root=project_root(), whole=True), prepared.api
    count, found = observe(api, prepared.settings.platform_image("postgres-client"))
    objects = {kind: list(api.list_objects("v1", kind)) for kind in ("Pod", "Namespace", "Node")}
    seen = evaluated(found, planned_policies(plan), plan.own_namespaces, objects)
    names = {one.name for one in endpoints(plan)} | {name for one in seen for name in (one.source, one.target)}
    begin, end = (_known(name, names, stack) if name else "" for name in (source, target))
    seen = [one for one in seen if begin in {"", one.source} and end in {"", one.target}]
    if as_json:
        sys.stdout.write(json.dumps([asdict(one) for one in seen], indent=2) + "\n")
        return
    cut = [one for one in seen if not one.allowed]
    nodes = f"{count} node{'s' * (count != 1)}"
    sys.stdout.write(
        f"{len(seen)} kinds of connection on {nodes}, now and, where they ended, in the last two minutes\n"
    )
    sys.stdout.write("".join(f"would be cut: {one.text}\n" for one in cut))
    sys.stdout.write(f"the program's policies would cut {len(cut)} of them; what runs at night is seen at night\n")


def _retired(stack: str) -> str:
    """Return the line that says which policies the feature gate has retired, with the command that brings them back."""
    settings = offline_settings(stack, project_root(), adopting=False)
    if not settings.has(FeatureGate.RETIRE_OLD_POLICIES) or not settings.adoption or not settings.adoption.old_policies:
        return ""
    at = settings.stack.feature_gates.index(FeatureGate.RETIRE_OLD_POLICIES)
    back = f"pulumi config rm -s {stack} --path 'featureGates[{at}]' && pulumi up -s {stack}"
    return f"retired: {', '.join(sorted(settings.adoption.old_policies))}; bring them back: {back}"


def _only(row: ReachRow, source: str) -> ReachRow:
    return ReachRow(row.target, row.port, tuple(other for other in row.sources if not source or other.name == source))


def _known(name: str, known: Collection[str], stack: str) -> str:
    """Return the name, if something is called so.

    Raises:
        InputError: Nothing is.
    """
    if name in known:
        return name
    close = difflib.get_close_matches(name, known, n=1)
    fix = f"write {close[0]}" if close else f"use one of {', '.join(sorted(known))}"
    raise InputError(file=stack, key=name, consequence="nothing on this network is called so", fix=fix)


def _as_json(row: ReachRow) -> dict[str, object]:
    return {
        "target": row.target.name,
        "port": row.port.number,
        "protocol": row.port.protocol,
        "sources": [source.name for source in row.sources],
    }


def _print(stack: str, rows: Sequence["ReachRow"]) -> None:
    table = Table("target", "ports", "reached by", title=f"who reaches whom on {stack}", title_justify="left")
    for entry in grouped(rows):
        table.add_row(*entry)
    Output(soft_wrap=False, width=None if sys.stdout.isatty() else 160).print(table)
