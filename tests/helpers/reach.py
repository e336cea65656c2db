"""Questions about who reaches whom, by name."""

from gx.plan.model import Plan
from gx.reach.endpoint import Endpoint, Port
from gx.reach.world import endpoints, planned_policies


def reaches(plan: Plan, source: str | Endpoint, target: str | Endpoint, port: int | Port) -> bool:
    """Return whether an endpoint of the network may open a connection to a port of another (TCP for a number)."""
    world = {endpoint.name: endpoint for endpoint in endpoints(plan)}
    begin, end = (world[side] if isinstance(side, str) else side for side in (source, target))
    return planned_policies(plan).judge(begin, end, end.port(port) if isinstance(port, int) else port).allowed
