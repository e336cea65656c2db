"""`gx edge` and `gx dns`: what an operator does to the public entry, node by node and record by record."""

import sys
from typing import Annotated

import typer
import yaml
from rich.console import Console

from common.cloudflare_ranges import CLOUDFLARE_RANGES
from common.errors import InputError, begun, note_change
from gx.cli.arguments import Stack
from gx.cli.exit_codes import REFUSED
from gx.cli.output import Output
from gx.cluster.zone import TOKEN_VARIABLE, Zone, published_ranges, zone_from_environment
from gx.edge.controller_setup import wanted_setup
from gx.edge.dns import compare
from gx.edge.drain import Cutover, node_of, still_in_dns
from settings.offline import offline_settings
from settings.project import PROJECT, project_root, stack_file
from settings.settings import Settings
from settings.stackfile import UNSET_ZONE_ID

edge = typer.Typer(
    help="The way in: Cloudflare's ranges, the ingress controller's configuration, the cut-over of a node.",
    no_args_is_help=True,
)


def _console() -> Console:
    return Output()


def _settings(stack: str) -> Settings:
    return offline_settings(stack, project_root(), adopting=False)


def _zone(settings: Settings) -> Zone | None:
    zone_id = settings.stack.cloudflare.zone_id
    return zone_from_environment(None if zone_id == UNSET_ZONE_ID else zone_id)


@edge.command(short_help="Cloudflare's addresses, against the pinned ones")
def ranges() -> None:
    """Compare the pinned ranges of Cloudflare with what it publishes now. Changes nothing.

    Ends with 0 when both are the same, with 1 when they differ, or with 2 when Cloudflare cannot be asked.
    """
    published, pinned = set(published_ranges()), set(CLOUDFLARE_RANGES)
    console = _console()
    for text in sorted(published - pinned):
        console.print(
            f"new: {text}: users who come from it are reset until it is added to catalogue/cloudflare_ranges.py"
        )
    for text in sorted(pinned - published):
        console.print(f"gone: {text}: no longer Cloudflare's, take it out of catalogue/cloudflare_ranges.py")
    if published != pinned:
        raise typer.Exit(1)
    console.print(f"the {len(pinned)} pinned ranges are those that Cloudflare publishes")


@edge.command(short_help="how the ingress controller must be configured")
def controller(stack: Stack) -> None:
    """Print how the network's ingress controller must be configured: it is installed by others."""
    for name, content in wanted_setup(_settings(stack)).items():
        sys.stdout.write(f"# {name}\n{yaml.safe_dump(content, sort_keys=False)}")


@edge.command(short_help="from hand-made rules on a node to the edge proxy")
def cutover(
    stack: Stack,
    node: Annotated[str, typer.Argument(help="Id of the node, as in the stack file.", metavar="NODE")],
    via: Annotated[str, typer.Option("--via", metavar="COMMAND", help='Root\'s shell on it, as "ssh root@ADDRESS".')],
    execute: Annotated[bool, typer.Option("--execute", help="Remove the rules; without it they are listed.")] = False,
    back: Annotated[bool, typer.Option("--back", help="Put the removed rules back.")] = False,
) -> None:
    """Take a node from hand-made iptables rules to the edge proxy; verified, and put back when it does not serve.

    Ends with 0, with 1 when it was put back, with 2 when the node cannot be worked on, or with 3 when the node is
    still in DNS or one of its files must be changed by hand.
    """
    console, settings = _console(), _settings(stack)
    work = Cutover(settings, node_of(settings, node), via)
    if back:
        with begun(f"the rules of {node} may be back in part: run the same command again"):
            console.print(work.run("restore")[1].rstrip())
        return
    code, said = work.run("check")
    console.print(said.rstrip())
    waiting = still_in_dns(settings, work.node, _zone(settings))
    if waiting:
        console.print(waiting)
        raise typer.Exit(REFUSED)
    if not execute:
        console.print(f"nothing was changed; --execute removes these rules and verifies {node}")
        return
    code = work.execute(console.print)
    note_change(node, f"{node} was put back" if code == 1 else f"the rules of {node} are removed; --back restores them")
    if code:
        raise typer.Exit(code)
    console.print(f"{node} serves through the edge proxy; add it to {PROJECT}:edge.activeNodes and run `pulumi up`")


def dns(stack: Stack) -> None:
    """Compare the zone with what the network wants, and say whether a brake holds the change. Changes nothing.

    Ends with 0, with 2 when the zone cannot be read, or with 3 when a brake holds.
    """
    settings = _settings(stack)
    zone = _zone(settings)
    if zone is None:
        raise InputError(
            file=stack_file(stack),
            key=f"{PROJECT}:cloudflare.zoneId",
            consequence="the zone cannot be read",
            fix=f"set it, and {TOKEN_VARIABLE} in the environment",
        )
    with zone:
        found = compare(settings, zone)
    console = _console()
    for host, address in found.create:
        console.print(f"create  {host} -> {address}")
    for word, records in (("keep  ", found.keep), ("remove", found.remove), ("stale ", found.stale)):
        for record in records:
            console.print(f"{word}  {record.name} {record.type} {record.content}")
    if found.stale:
        console.print("stale records are nobody's here, and still get their share of the traffic: remove them by hand")
    for line in found.brakes:
        console.print(f"brake: {line}")
    if found.brakes:
        raise typer.Exit(REFUSED)
