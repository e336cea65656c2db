"""Arguments that several commands take, each once: its help, and what a shell completes."""

from typing import Annotated

import typer

from settings.project import networks, project_root


def complete_network(incomplete: str) -> list[str]:
    """Return the networks of this project whose names begin so, for the shell's completion."""
    return [name for name in networks(project_root()) if name.startswith(incomplete)]


Stack = Annotated[
    str,
    typer.Argument(
        help="devnet, testnet, mainnet or another stack of this project.",
        metavar="STACK",
        autocompletion=complete_network,
    ),
]
Stacks = Annotated[
    list[str] | None,
    typer.Argument(help="All networks if none is named.", metavar="[STACK]...", autocompletion=complete_network),
]
