"""`gx remove-test-users`."""

from typing import Annotated

import typer

from gx.cli.arguments import Stack
from gx.cli.output import Output
from gx.cluster.one_off import run_to_the_end
from gx.cluster.session import prepare
from gx.test_users.removal import removal_job


def remove_test_users(
    stack: Stack, context: Annotated[str, typer.Option("--context", metavar="NAME", help="Context of its cluster.")]
) -> None:
    """Remove the test users that the program has added, their wallets and conversations, by a Job in the cluster.

    Ends with 0, with 1 when the Job failed, or with 2 when it could not be started.
    """
    prepared = prepare(stack, context, need_zone=False)
    prepared.check_cluster(prepared.read_uid())
    if not run_to_the_end(prepared.api, removal_job(prepared.api, prepared.settings), Output()):
        raise typer.Exit(1)
