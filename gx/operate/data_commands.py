"""Commands about a network's data: `gx backups`, `gx restore`, `gx rotate`, `gx remove-test-users`."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from gx.arguments import Stack
from gx.settings.project import project_root

if TYPE_CHECKING:
    from gx.operate.backups import Overview
    from gx.settings.settings import Settings

Context = Annotated[str, typer.Option("--context", metavar="NAME", help="Context of its cluster.")]


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def _settings(stack: str) -> "Settings":
    from gx.settings.offline import offline_settings

    return offline_settings(stack, project_root(), adopting=False)


def backups(
    stack: Stack,
    context: Annotated[
        str, typer.Option("--context", metavar="NAME", help="Cluster whose Secrets hold the keys.")
    ] = "",
    endpoint: Annotated[
        str, typer.Option("--endpoint", metavar="URL", help="Where MinIO answers; without it kubectl forwards a port.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List the snapshots of a network with age, size, state and what the last drill found. Changes nothing.

    Ends with 0, with 1 when the newest complete snapshot is too old or missing, or with 2 when nothing can be read.
    """
    from gx.live.kubernetes_api import KubernetesApi
    from gx.operate.backups import overview, places

    settings = _settings(stack)
    api = KubernetesApi.connect(context=context) if context or not endpoint else None
    with places(settings, api, endpoint, context) as (status, offsite):
        found = overview(settings, status, offsite)
    now = datetime.now(UTC)
    if as_json:
        sys.stdout.write(json.dumps(_as_json(found, now), indent=2) + "\n")
    else:
        _print_backups(stack, found, now)
    if found.too_old(now):
        raise typer.Exit(1)


def _as_json(found: "Overview", now: datetime) -> dict[str, object]:
    rows = [{**asdict(row), "ageSeconds": int(row.age(now).total_seconds())} for row in found.rows]
    return {
        "snapshots": rows,
        "runs": found.runs,
        "tooOld": found.too_old(now),
        "limitSeconds": found.limit.total_seconds(),
    }


def _print_backups(stack: str, found: "Overview", now: datetime) -> None:
    console = _console()
    table = Table("snapshot", "age", "where", "objects", "size", "state", "drill", box=None, pad_edge=False)
    for row in found.rows:
        size = f"{row.bytes / 2**20:.1f} MiB"
        table.add_row(row.stamp, _span(row.age(now)), row.place, str(row.objects), size, row.state, row.drill)
    console.print(table)
    for run, said in found.runs.items():
        if said is None:
            console.print(f"{run}: never ran, or its status was lost")
        elif said["state"] != "complete":
            console.print(
                f"{run}: failed {_span(now - datetime.fromisoformat(said['ended']))} ago: {said['message']}",
                markup=False,
            )
    newest = found.newest()
    if newest is None:
        console.print(f"{stack}: no complete snapshot")
    elif found.too_old(now):
        console.print(
            f"{stack}: the newest complete snapshot is {_span(newest.age(now))} old, more than {_span(found.limit)}"
        )
    else:
        console.print(f"{stack}: the newest complete snapshot is {_span(newest.age(now))} old")


def _span(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min" if hours else f"{minutes} min"


def restore(  # noqa: PLR0917 options of a command
    stack: Stack,
    snapshot: Annotated[str, typer.Argument(help="Its name as `gx backups` shows it, or newest.", metavar="SNAPSHOT")],
    into: Annotated[
        str, typer.Option("--into", metavar="BUCKET", help="The network's bucket, or a new one named after it.")
    ],
    context: Context,
    execute: Annotated[bool, typer.Option("--execute", help="Write; without it nothing is changed.")] = False,
    over: Annotated[
        bool, typer.Option("--over", help="The bucket may hold objects: those that differ are replaced.")
    ] = False,
    offsite: Annotated[bool, typer.Option("--offsite", help="Read from the bucket outside the cluster.")] = False,
) -> None:
    """Bring a snapshot back into a bucket and prove it there, by a Job in the cluster; a dry run unless told.

    Ends with 0, with 1 when the Job failed, or with 2 when it could not be started.
    """
    from gx.operate.one_off import run_to_the_end
    from gx.operate.prepare import prepare
    from gx.operate.restore import check_call, live_backup, restore_job

    settings = _settings(stack)
    check_call(settings, snapshot, into)
    prepared = prepare(stack, context, need_zone=False)
    prepared.check_cluster(prepared.read_uid())
    live = live_backup(prepared.api, settings, offsite=offsite)
    job = restore_job(settings, live, snapshot, into, execute=execute, over=over, offsite=offsite)
    if not run_to_the_end(prepared.api, job, _console()):
        raise typer.Exit(1)


def rotate(
    stack: Stack,
    secret: Annotated[str, typer.Argument(help="Its name in secretEpochs.", metavar="SECRET")],
    retire: Annotated[bool, typer.Option("--retire", help="Remove the old value, once no pod uses it.")] = False,
    context: Annotated[
        str,
        typer.Option("--context", metavar="NAME", help="Cluster that is asked whether all pods rolled."),
    ] = "",
    explain: Annotated[bool, typer.Option("--explain", help="Only say what would happen; write nothing.")] = False,
) -> None:
    """Say what `pulumi up` will do with a new value of a secret, then write its epoch into the stack file.

    Keys of MinIO's users and the database role have two values at once until the old one is retired. The value of an
    adopted network changes only after its encrypted setting was taken out.
    """
    from gx.errors import InputError
    from gx.operate.prepare import prepare
    from gx.operate.rotate import EFFECTS, check_adopted, check_name, check_rolled, explanation, write_epoch
    from gx.settings.crosscheck import TWO_KEY_SECRETS
    from gx.settings.project import PROJECT
    from gx.settings.stackfile import read_stack

    check_name(secret, retire=retire)
    settings, console = _settings(stack), _console()
    kept = {key.removeprefix(f"{PROJECT}:") for key in read_stack(stack, project_root()).secrets}
    check_adopted(settings, secret, kept)
    if retire:
        if not context:
            raise InputError(
                file="gx rotate",
                key="--context",
                consequence="is needed to see that no pod uses the old value",
                fix="name it",
            )
        prepared = prepare(stack, context, need_zone=False)
        prepared.check_cluster(prepared.read_uid())
        check_rolled(prepared.api, settings, secret)
    console.print("the provisioning Job removes the old value" if retire else EFFECTS[secret])
    for line in explanation(project_root(), settings, secret, retire=retire):
        console.print(f"  {line}", markup=False)
    if explain:
        console.print(f"{stack}: nothing was written")
        return
    setting, number = write_epoch(project_root(), settings, secret, retire=retire)
    console.print(f"{stack}: {setting}.{secret} is {number} now; nothing happens before `pulumi up -s {stack}`")
    if not retire and secret in TWO_KEY_SECRETS:
        console.print(f"the old value stays valid until `gx rotate {stack} {secret} --retire --context NAME`")


def remove_test_users(stack: Stack, context: Context) -> None:
    """Remove the test users that the program has added, their wallets and conversations, by a Job in the cluster.

    Ends with 0, with 1 when the Job failed, or with 2 when it could not be started.
    """
    from gx.operate.one_off import run_to_the_end
    from gx.operate.prepare import prepare
    from gx.operate.test_users import removal_job

    prepared = prepare(stack, context, need_zone=False)
    prepared.check_cluster(prepared.read_uid())
    if not run_to_the_end(prepared.api, removal_job(prepared.api, prepared.settings), _console()):
        raise typer.Exit(1)
