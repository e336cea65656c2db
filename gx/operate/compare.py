"""A live network compared with its Plan: what `gx adopt` says and the report shows."""

from collections.abc import Callable
from dataclasses import replace

from gx.operate.adopt import Adoption, decide
from gx.operate.live import Live, read_live
from gx.operate.prepare import Prepared, prepare
from gx.operate.tried import refused_by_server
from gx.plan.model import Plan


def read(prepared: Prepared) -> Live:
    """Return the live network.

    Raises:
        InputError: The cluster cannot be read, or is another than the pinned one.
    """
    live = read_live(prepared.api, prepared.settings, prepared.zone)
    prepared.check_cluster(live.uid)
    return live


def decision(prepared: Prepared, live: Live, plan: Plan, accepted: tuple[str, ...]) -> Adoption:
    """Return what adoption would do with a network, after what was accepted by name."""
    kept = frozenset(prepared.kept_secrets)
    adoption = decide(plan, live, zone_id=prepared.zone_id, accepted=accepted, kept_secrets=kept)
    tried = (refusal for refusal in refused_by_server(prepared.api, plan, live) if refusal.name not in accepted)
    return replace(adoption, refusals=(*adoption.refusals, *tried))


def compared(stack: str, context: str) -> Callable[[Plan], Adoption]:
    """Read a live network, and return what compares a Plan with it; errors are those of `prepare` and `read`."""
    prepared = prepare(stack, context, need_zone=False)
    live = read(prepared)
    return lambda plan: decision(prepared, live, plan, prepared.accepted)
