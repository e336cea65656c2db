"""The rules of a network over what its cluster really holds."""

from collections.abc import Iterator
from dataclasses import replace

from gx.checks.finding import Finding, Severity
from gx.checks.policies import POLICIES
from gx.checks.stacks import live_plan, strangers
from gx.live.deletion import deletion
from gx.operate.adopt import policies_by_hand
from gx.operate.live import Live, read_live
from gx.operate.prepare import Prepared
from gx.operate.refusals import being_deleted
from gx.plan.model import Plan
from gx.reach.outvoted import not_in_force, opened


def live_findings(prepared: Prepared, context: Plan) -> list[Finding]:
    """Return what the rules say about the live objects of a network. Nothing is changed.

    Args:
        prepared: The network and its cluster.
        context: The network's recorded Plan.

    Raises:
        InputError: The cluster cannot be read, or is another one than the pinned one.
    """
    live = read_live(prepared.api, prepared.settings, None)
    prepared.check_cluster(live.uid)
    plan = live_plan(context, live.objects.values())
    foreign = set(strangers(context, plan))
    found = [_softened(f, foreign) for policy in POLICIES if policy.live for f in policy.judge(plan)]
    order = list(Severity)
    return sorted(
        [*found, *_deleted(context, live), *_outvoted(context, live), *_unknown(context, plan)],
        key=lambda finding: order.index(finding.severity),
    )


def _softened(finding: Finding, foreign: set[str]) -> Finding:
    """What others own breaks no rule of ours, but is worth knowing."""
    ours = "/".join(finding.place.split("/")[:2]) not in foreign
    return finding if ours or finding.severity is not Severity.ERROR else replace(finding, severity=Severity.WARNING)


def _deleted(context: Plan, live: Live) -> Iterator[Finding]:
    for found in being_deleted(context, live):
        text = f"is {deletion(found)}: it goes as soon as nothing holds it, with what it keeps"
        yield Finding(check="live", place=f"{found['kind']}/{found['metadata']['name']}", text=text)


def _outvoted(context: Plan, live: Live) -> Iterator[Finding]:
    text = not_in_force(opened(context, policies_by_hand(context, live)))
    if text:
        yield Finding(check="reach", place=context.namespace, text=text, severity=Severity.WARNING)


def _unknown(context: Plan, plan: Plan) -> Iterator[Finding]:
    names = sorted(strangers(context, plan))
    if names:
        listed = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")  # noqa: PLR2004 a line's worth
        text = f"{len(names)} live objects are not in the Plan: {listed}"
        yield Finding(check="live", place=context.namespace, text=text, severity=Severity.NOTE)
