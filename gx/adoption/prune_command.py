"""`gx prune`: remove on purpose what only the live objects have, before an update does it."""

from typing import Annotated

import typer

from common.errors import InputError, changes, note_change
from gx.adoption.compare import read
from gx.adoption.pruning import removals, remove
from gx.cli.arguments import Stack
from gx.cli.exit_codes import REFUSED
from gx.cli.output import Output
from gx.cluster.kubernetes_api import ApiError, UnreachableError
from gx.cluster.session import prepare
from gx.plan.record import record
from settings.project import project_root


def prune(
    stack: Stack,
    context: Annotated[str, typer.Option("--context", metavar="NAME", help="Context of its cluster.")],
    write: Annotated[bool, typer.Option("--write", help="Remove them; without it the server only tries it.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Also where pods start again then.")] = False,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="NAME", help="Accept one loss by its name.")
    ] = None,
) -> None:
    """Remove the fields that only the live objects have: the first update of each would remove them besides.

    Looks at what the stack manages, and only tries it without --write. An object that has changed meanwhile is left as
    it is. Ends with 0, with 2 when something cannot be read or written, or with 3 when something stays.
    """
    console = Output()
    prepared = prepare(stack, context, need_zone=False)
    live = read(prepared)
    accepted = {*prepared.accepted, *(accept or [])}
    found = list(removals(record(stack, root=project_root()), live, accepted, restart=restart))
    word = "removed" if write else "would remove"
    gone = 0
    for one in found:
        if not one.kept:
            try:
                remove(prepared.api, one, dry_run=not write)
            except (ApiError, UnreachableError) as error:
                fix = "look at what is live and run it again: what is gone is not removed twice"
                consequence = f"nothing of it was removed ({error}); so far: {changes()}"
                raise InputError(file=prepared.api.origin, key=one.location, consequence=consequence, fix=fix) from None
            gone += 1
            if write:
                note_change("prune", f"fields of {gone} objects were removed")
        console.print(f"{word if not one.kept else 'stays':<12} {one.location}")
        for field in one.fields:
            console.print(f"  {field}")
        for reason in one.kept:
            console.print(f"  because {reason}")
    kept = len(found) - gone
    console.print(f"{gone} objects: {word} what only they have; {kept} stay" if found else "no object has such a field")
    if gone:
        then = f"gx adopt {stack} --context {context} --write" if write else "the same command with --write"
        console.print(f"next: {then}")
    if kept:
        raise typer.Exit(REFUSED)
