"""`gx adopt`: compare a live network with its Plan, and write down what to import."""

from contextlib import nullcontext
from typing import Annotated, Any

import typer

from catalogue.feature_gates import FeatureGate
from common.plan import Plan
from gx.adoption.adopt import AdoptionReport
from gx.adoption.as_found import policies_as_found, release_as_found, volumes_as_found
from gx.adoption.compare import decision, read
from gx.adoption.live import LiveObjects
from gx.adoption.view import print_adoption
from gx.cli.arguments import Stack
from gx.cli.exit_codes import REFUSED
from gx.cli.output import Output
from gx.cluster.session import Prepared, prepare
from settings.adoption import taken_over
from settings.project import (
    adoption_file,
    mapping_text,
    one_writer,
    project_root,
    read_mapping,
    release_file,
    replaced,
    volumes_file,
)


def adopt(
    stack: Stack,
    context: Annotated[str, typer.Option("--context", metavar="NAME", help="Context of its cluster.")],
    write: Annotated[
        bool, typer.Option("--write", help="Write adoption.yaml, release.yaml and volumes.yaml below networks/STACK.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether cluster and zone can be read, and are the pinned ones.")
    ] = False,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="NAME", help="Accept one loss or refusal by its name.")
    ] = None,
) -> None:
    """Say for every planned object whether it would be taken over or created, and what changes. Changes nothing live.

    Ends with 0, with 2 when something cannot be read, or with 3 when something must be settled first.
    """
    with one_writer(project_root()) if write else nullcontext():
        _adopt(stack, context, accept or [], write=write, check=check)


def _adopt(stack: str, context: str, accept: list[str], *, write: bool, check: bool) -> None:
    console = Output()
    prepared = prepare(stack, context, need_zone=check)
    live = read(prepared)
    if check:
        console.print(f"{stack}: the cluster {live.uid} and {'the zone' if prepared.zone else 'no zone'} can be read")
        return
    root = project_root()
    accepted = (*prepared.accepted, *(name for name in accept if name not in prepared.accepted))
    plan = prepared.record(console)
    adoption = decision(prepared, live, plan, accepted)
    print_adoption(adoption, console)
    if adoption.refusals:
        console.print(f"{len(adoption.refusals)} to settle first" + ("; nothing was written" if write else ""))
        raise typer.Exit(REFUSED)
    if write:
        document = _found(prepared, live, plan, adoption)
        if accepted:
            document["accepted"] = list(accepted)
        with replaced(_files(prepared, live, document), root=root):
            pass
        then = "set gx-infra:adopt to true, and write it again before the `up` of each component"
        if prepared.settings.stack.adopt and document.get("managedComponents"):
            held = ", ".join(document["managedComponents"])
            then = f"components that it holds: {held}; commit it, then: pulumi up -s {stack}"
        console.print(f"wrote {adoption_file(stack)} ({len(adoption.imports)} ids); {then}")


def _found(prepared: Prepared, live: LiveObjects, plan: Plan, adoption: AdoptionReport) -> dict[str, Any]:
    """Return the record of what was found, as `settings.adoption.Adoption` reads it."""
    configured, before = prepared.settings.stack, prepared.before
    document: dict[str, Any] = {"clusterUid": live.uid, "imports": dict(sorted(adoption.imports.items()))}
    components = taken_over(before, live.uid, configured.managed_components if configured.adopt else ())
    if components is not None:
        document["managedComponents"] = [component.value for component in components]
    if live_only := {item.key: [field.text for field in item.pruned] for item in adoption.items if item.pruned}:
        document["liveOnly"] = live_only
    recorded = before.old_policies if before else {}
    # Once they are retired, the record is what brings them back.
    if (
        old := recorded
        if FeatureGate.RETIRE_OLD_POLICIES in configured.feature_gates
        else policies_as_found(plan, live)
    ):
        document["oldPolicies"] = old
    return document


def _files(prepared: Prepared, live: LiveObjects, document: dict[str, Any]) -> dict[str, str]:
    """Return the network's folder as it is found: content by path."""
    stack = prepared.settings.network.name
    files = {adoption_file(stack): mapping_text(f"# Written by `gx adopt {stack}`, reviewed by people.\n", document)}
    current = read_mapping(release_file(stack), root=project_root(), fix="restore it from git")
    release = release_as_found(current, live)
    if release != current:
        head = f"# Bill of materials of {stack}, as found. Tags are verbatim.\n"
        files[release_file(stack)] = mapping_text(head, release)
    if volumes := volumes_as_found(live):
        head = f"# Sizes that the claims of {stack} were made with: one on local-path cannot be resized.\n"
        files[volumes_file(stack)] = mapping_text(head, volumes)
    return files
