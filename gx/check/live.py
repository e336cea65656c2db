"""The rules of a network over what its cluster really holds."""

from collections.abc import Iterator
from dataclasses import replace

from common.naming import DNS_NAMESPACE
from common.plan import Plan
from gx.adoption.adopt import policies_by_hand
from gx.adoption.live import LiveObjects, read_live
from gx.adoption.refusals import being_deleted, foreign_routes
from gx.check.accounts import accounts_for_tests
from gx.cluster.deletion import deletion
from gx.cluster.kubernetes_api import ApiError
from gx.cluster.refusals import unreadable
from gx.cluster.session import Prepared
from gx.reachability.limits import DNS_PORT, on_nodes, other_policies
from rules import RULES
from rules.finding import Finding, Severity
from rules.reachability.outvoted import not_in_force, opened
from rules.reachability.world import DNS
from rules.stacks import live_plan, strangers


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
    found = [_softened(f, foreign) for rule in RULES if rule.live for f in rule(plan)]
    order = list(Severity)
    return sorted(
        [
            *found,
            *_deleted(context, live),
            *_outvoted(context, live),
            *_foreign_routes(context, live),
            *_on_nodes(prepared, context),
            *_accounts(prepared),
            *_unknown(context, plan),
        ],
        key=lambda finding: order.index(finding.severity),
    )


def _softened(finding: Finding, foreign: set[str]) -> Finding:
    """What others own breaks no rule of ours, but is worth knowing."""
    ours = "/".join(finding.location.split("/")[:2]) not in foreign
    return finding if ours or finding.severity is not Severity.ERROR else replace(finding, severity=Severity.WARNING)


def _deleted(context: Plan, live: LiveObjects) -> Iterator[Finding]:
    for found in being_deleted(context, live):
        text = f"is {deletion(found)}: it goes as soon as nothing holds it, with what it keeps"
        yield Finding(check="live", location=f"{found['kind']}/{found['metadata']['name']}", text=text)


def _outvoted(context: Plan, live: LiveObjects) -> Iterator[Finding]:
    text = not_in_force(opened(context, policies_by_hand(context, live)))
    if text:
        yield Finding(check="reach", location=context.namespace, text=text, severity=Severity.WARNING)


def _foreign_routes(context: Plan, live: LiveObjects) -> Iterator[Finding]:
    for refusal in foreign_routes(context, live):
        yield Finding(check="routes", location=refusal.name.rpartition(" ")[0], text=refusal.text)


def _on_nodes(prepared: Prepared, context: Plan) -> Iterator[Finding]:
    """Say which traffic comes from, or goes to, an address of a node: it matches no rule that names pods."""
    try:
        found, others = on_nodes(prepared.api), list(other_policies(prepared.api, context.own_namespaces))
    except ApiError as error:
        raise unreadable(prepared.api, error) from None
    for one in found:
        text = _DNS_ON_NODES if one.endpoint == DNS else _ON_NODES
        location = f"{one.namespace}/{one.controller}"
        yield Finding(check="reach", location=location, text=text, severity=Severity.WARNING)
    if others:
        text = f"not evaluated: {', '.join(others)}: they can deny what the plan allows, and allow what it denies"
        yield Finding(check="reach", location=context.namespace, text=text, severity=Severity.WARNING)


_ON_NODES = (
    "runs in the network of its node, and the policies name its namespace alone: with default deny in force it reaches"
    " no pod of another node; fix: before the component network-policies, give it a network of its own, or name the"
    " nodes' addresses in components/network_policies.py"
)
_DNS_ON_NODES = (
    f"answers DNS at an address of the node, and the policies open port {DNS_PORT} to the pods of"
    f" {DNS_NAMESPACE} alone: with default deny in force no pod resolves a name; fix: before the component"
    " network-policies, name that address in components/network_policies.py, or let kubelet give pods the"
    " address of the DNS Service"
)


def _accounts(prepared: Prepared) -> Iterator[Finding]:
    network = prepared.settings.network
    return accounts_for_tests(prepared.api, network.namespace) if network.production else iter(())


def _unknown(context: Plan, plan: Plan) -> Iterator[Finding]:
    names = sorted(strangers(context, plan))
    if names:
        listed = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")  # noqa: PLR2004 a line's worth
        text = f"{len(names)} live objects are not in the Plan: {listed}"
        yield Finding(check="live", location=context.namespace, text=text, severity=Severity.NOTE)
