"""`gx backups` and `gx restore`."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gx.backups.locations import locations
from gx.backups.overview import Overview, overview
from gx.backups.restore import check_call, live_backup, restore_job
from gx.cli.arguments import Stack
from gx.cli.output import Output
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.one_off import run_to_the_end
from gx.cluster.session import prepare
from settings.offline import offline_settings
from settings.project import project_root
from settings.settings import Settings

Context = Annotated[str, typer.Option("--context", metavar="NAME", help="Context of its cluster.")]


def _console() -> Console:
    return Output()


def _settings(stack: str) -> Settings:
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
    settings = _settings(stack)
    api = KubernetesApi.connect(context=context) if context or not endpoint else None
    with locations(settings, api, endpoint, context) as (status, offsite):
        found = overview(settings, status, offsite)
    now = datetime.now(UTC)
    if as_json:
        sys.stdout.write(json.dumps(_as_json(found, now), indent=2) + "\n")
    else:
        _print_backups(stack, found, now)
    if found.too_old(now):
        raise typer.Exit(1)


def _as_json(found: Overview, now: datetime) -> dict[str, object]:
    rows = [{**asdict(row), "ageSeconds": int(row.age(now).total_seconds())} for row in found.rows]
    return {
        "snapshots": rows,
        "runs": found.runs,
        "tooOld": found.too_old(now),
        "limitSeconds": found.limit.total_seconds(),
    }


def _print_backups(stack: str, found: Overview, now: datetime) -> None:
    console = _console()
    table = Table("snapshot", "age", "where", "objects", "size", "state", "drill", box=None, pad_edge=False)
    for row in found.rows:
        size = f"{row.bytes / 2**20:.1f} MiB"
        table.add_row(row.stamp, _span(row.age(now)), row.location, str(row.objects), size, row.state, row.drill)
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
    settings = _settings(stack)
    check_call(settings, snapshot, into)
    prepared = prepare(stack, context, need_zone=False)
    prepared.check_cluster(prepared.read_uid())
    live = live_backup(prepared.api, settings, offsite=offsite)
    job = restore_job(settings, live, snapshot, into, execute=execute, over=over, offsite=offsite)
    if not run_to_the_end(prepared.api, job, _console()):
        raise typer.Exit(1)
