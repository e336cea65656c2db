"""`gx local`: a control plane of one's own, and the real engine on it."""

from pathlib import Path
from typing import Annotated

import typer

from devcluster.up import bring_up, mark_cluster, take_down
from devcluster.view import show_status
from gx.cli.arguments import complete_network
from gx.cli.output import Output
from settings.project import project_root

local = typer.Typer(
    help="Run a network on a control plane of this machine, with the real engine and a real API server.",
    no_args_is_help=True,
)
Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="Folder of everything that the cluster is.")]
Context = Annotated[
    str, typer.Option("--context", metavar="NAME", help="A cluster of yours that `gx local mark` has marked.")
]
DATA = Path(".gx-local")


@local.command(short_help="start the cluster and put a network on it")
def up(
    stack: Annotated[
        str, typer.Argument(metavar="[STACK]", help="A network of this project.", autocompletion=complete_network)
    ] = "devnet",
    data: Data = DATA,
    context: Context = "",
    pods: Annotated[
        bool, typer.Option("--pods", help="Run real pods, on a node of this machine's own (Linux, root).")
    ] = False,
) -> None:
    """Start the cluster if it does not run, put a network on it, show what came of it. Twice changes nothing."""
    console = Output()
    bring_up(stack, project_root(), data.absolute(), context, console, pods=pods)


@local.command(short_help="processes, nodes, networks, pods")
def status(data: Data = DATA, context: Context = "") -> None:
    """Show what runs: processes, nodes, stacks, pods. Ends with 1 when the cluster does not run."""
    if not show_status(project_root(), data.absolute(), context, Output()):
        raise typer.Exit(1)


@local.command(short_help="stop every process; --delete removes the data")
def down(
    data: Data = DATA,
    context: Context = "",
    delete: Annotated[bool, typer.Option("--delete", help="Delete its data too.")] = False,
) -> None:
    """Stop every process of the cluster; its data stays for the next `gx local up`."""
    take_down(data.absolute(), context, Output(), delete=delete)


@local.command(short_help="mark a cluster of yours as made for trials")
def mark(
    context: Annotated[str, typer.Option("--context", metavar="NAME", help="Context of the cluster.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Mark a cluster of yours (kind, k3d, k3s) as made for trials: then, and only then, `--context` accepts it."""
    mark_cluster(context, Output(), confirmed=yes)
