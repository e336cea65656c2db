"""A live network compared with its Plan: what `gx adopt` says and the report shows."""

from collections.abc import Callable
from dataclasses import replace

from common.plan import Plan
from gx.adoption.adopt import AdoptionReport, decide
from gx.adoption.live import LiveObjects, read_live
from gx.adoption.tried import refused_by_server
from gx.cluster.session import Prepared, prepare


def read(prepared: Prepared) -> LiveObjects:
    """Return the live network.

    Raises:
        InputError: The cluster cannot be read, or is another than the pinned one.
    """
    live = read_live(prepared.api, prepared.settings, prepared.zone)
    prepared.check_cluster(live.uid)
    return live


def decision(prepared: Prepared, live: LiveObjects, plan: Plan, accepted: tuple[str, ...]) -> AdoptionReport:
    """Return what adoption would do with a network, after what was accepted by name."""
    kept = frozenset(prepared.kept_secrets)
    adoption = decide(plan, live, zone_id=prepared.zone_id, accepted=accepted, kept_secrets=kept)
    tried = (refusal for refusal in refused_by_server(prepared.api, plan, live) if refusal.name not in accepted)
    return replace(adoption, refusals=(*adoption.refusals, *tried))


def compared(stack: str, context: str) -> Callable[[Plan], AdoptionReport]:
    """Read a live network, and return what compares a Plan with it; errors are those of `prepare` and `read`."""
    prepared = prepare(stack, context, need_zone=False)
    live = read(prepared)
    return lambda plan: decision(prepared, live, plan, prepared.accepted)
