"""`gx promote`: the whole verified set of one network becomes the set of the next."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from common.errors import InputError
from gx.cli.arguments import complete_network
from gx.cli.exit_codes import REFUSED
from gx.cli.output import Output
from gx.cluster.session import prepare
from gx.diff.view import network_diff, print_diff
from gx.plan.record import ProgramRefusalError, record
from gx.promotion.promotion import Gate, earlier, promoted_release, utc_now, version_changes
from gx.verify.running import running
from settings.offline import offline_settings
from settings.project import mapping_text, one_writer, project_root, release_file, replaced, verified_file
from settings.release import ABSENT, Release
from settings.settings import Settings
from settings.verified import read_verified

SHORTEST = 10


def promote(  # noqa: PLR0917 options of a command
    source: Annotated[
        str, typer.Argument(help="The network whose set goes on.", metavar="SOURCE", autocompletion=complete_network)
    ],
    target: Annotated[
        str, typer.Argument(help="The network that gets it.", metavar="TARGET", autocompletion=complete_network)
    ],
    context: Annotated[
        str, typer.Option("--context", metavar="NAME", help="Cluster that is asked what SOURCE runs.")
    ] = "",
    check: Annotated[bool, typer.Option("--check", help="Only say whether it may, and what would change.")] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Back to the last set that TARGET itself has verified; always allowed.")
    ] = False,
    to_set: Annotated[str, typer.Option("--set", metavar="HASH", help="With --rollback: which one.")] = "",
    override: Annotated[
        str, typer.Option("--override", metavar="REASON", help="Over the gate, for a reason that is recorded.")
    ] = "",
    expires: Annotated[
        str, typer.Option("--expires", metavar="YYYY-MM-DD", help="With --override: the day it ends.")
    ] = "",
) -> None:
    """Write the set that SOURCE has run and verified into TARGET's release file, and show what that changes.

    Nothing is deployed: `pulumi up -s TARGET` does that, after a review.
    Ends with 0, with 3 when the gate refuses, or with 2 when the input is wrong.
    """
    root, console = project_root(), Output()
    with one_writer(root):
        if rollback:
            document = _rollback(root, target, to_set, console)
        else:
            until = _override(override, expires)
            gate = _asked(root, source, target, context)
            overridden = _judge(gate, console, override=until is not None)
            document = _promoted(gate, override, until if overridden else None)
        _show_versions(root, target, document, console)
        if check:
            console.print(f"{target}: nothing was written")
            return
        _write(root, target, document, console)


def _asked(root: Path, source: str, target: str, context: str) -> Gate:
    if not context:
        raise InputError(
            file="gx promote",
            key="--context",
            consequence=f"is needed to see what {source} runs",
            fix="name the cluster's context (`kubectl config get-contexts`)",
        )
    goal = _settings(root, target)
    prepared = prepare(source, context, need_zone=False)
    uid = prepared.read_uid()
    prepared.check_cluster(uid)
    return Gate(
        source=prepared.settings,
        target=goal,
        verified=read_verified(source, root),
        cluster_uid=uid,
        running=running(prepared.api, prepared.settings),
        now=utc_now(),
    )


def _settings(root: Path, stack: str) -> Settings:
    return offline_settings(stack, root, adopting=False, gated=False)  # what a set is refused for is replaced here


def _judge(gate: Gate, console: Console, *, override: bool) -> bool:
    """Say what the gate refuses; return whether it was overridden."""
    refusals = gate.refusals()
    for line in refusals:
        console.print(f"{'overridden' if override else 'refused'}: {line}")
    if refusals and not override:
        console.print(f"{gate.target.network.name}: nothing was written")
        raise typer.Exit(REFUSED)
    return bool(refusals)


def _override(reason: str, expires: str) -> date | None:
    if not reason and not expires:
        return None
    if len(reason.strip()) < SHORTEST:
        raise _bad("--override", reason, f"says too little: at least {SHORTEST} letters are recorded", "say why")
    try:
        until = date.fromisoformat(expires)
    except ValueError:
        raise _bad("--expires", expires, "is no date", "write the last day, such as 2026-01-31") from None
    if until < utc_now().date():
        raise _bad("--expires", expires, "is over already", "write a day to come")
    return until


def _bad(option: str, value: str, consequence: str, fix: str) -> InputError:
    return InputError(file="gx promote", key=option, value=repr(value), consequence=consequence, fix=fix)


def _promoted(gate: Gate, reason: str, until: date | None) -> dict[str, Any]:
    release, source = gate.source.release, gate.source.network.name
    if until is not None:
        record: dict[str, Any] = {"how": "override", "source": source, "reason": reason, "expires": until}
    else:
        newest = gate.newest
        record = {"how": "promotion", "source": source, "verified": newest.verified if newest else None}
    return promoted_release(
        gate.target, release.workloads, release.platform, origin=f"promoted from {source}", **record
    )


def _rollback(root: Path, target: str, wanted: str, console: Console) -> dict[str, Any]:
    settings = _settings(root, target)
    verified = read_verified(target, root)
    found = earlier(verified, settings.release.hash, wanted)
    if found is None:
        known = ", ".join(one.hash for one in verified.sets) if verified else "none"
        raise InputError(
            file=verified_file(target),
            key="sets",
            value=repr(wanted) if wanted else None,
            consequence=f"{target} has verified no such set"
            + ("" if wanted else " before this one, or it failed since"),
            fix=f"name one of its sets with --set: {known}",
        )
    assert verified is not None
    origin = f"back to the set of {found.verified:%Y-%m-%d %H:%M} UTC"
    if failure := verified.failure(found.hash):
        console.print(f"warning: the set {found.hash} {failure}")
        origin += f", which failed at {failure.failed:%Y-%m-%d %H:%M} UTC"
    if not wanted:
        for one in verified.sets[: verified.sets.index(found)]:
            if one.hash != settings.release.hash:
                console.print(f"passed over: the set {one.hash} {verified.failure(one.hash)}")
    return promoted_release(
        settings, found.workloads, found.platform, how="rollback", origin=origin, verified=found.verified
    )


def _show_versions(root: Path, target: str, document: dict[str, Any], console: Console) -> None:
    after: Release = Release.model_validate(document)
    changes = list(version_changes(_settings(root, target).release, after))
    table = Table("image", f"{target} now", "then", box=None, pad_edge=False)
    for name, old, new in changes:
        shown = (image.reference("", name, target).lstrip("/") if image else ABSENT for image in (old, new))
        table.add_row(name, *shown)
    if changes:
        console.print(table)
    console.print(f"set {after.hash}: {len(changes)} images differ" if changes else f"set {after.hash}: runs already")


def _write(root: Path, target: str, document: dict[str, Any], console: Console) -> None:
    """Write the file, then show what the program makes of it; a program that refuses gets its old file back."""
    try:
        before = record(target, root=root)
    except ProgramRefusalError as refusal:  # the very set that is replaced, perhaps: then there is no other way out
        before = None
        console.print(f"no diff: what stands there is refused: {refusal}")
    name = release_file(target)
    head = f"# Bill of materials of {target}, written by `gx promote`. Tags are verbatim.\n"
    with replaced({name: mapping_text(head, document)}, root=root):
        after = record(target, root=root)
    if before is not None:
        print_diff(console, [network_diff(target, before, after)])
    console.print(f"wrote {name}; commit it, then: pulumi up -s {target}, gx verify {target}")
