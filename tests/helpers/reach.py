"""Questions about who reaches whom, by name."""

from common.plan import Plan
from rules.reachability.endpoint import Endpoint, Port
from rules.reachability.world import endpoints, planned_policies


def reaches(plan: Plan, source: str | Endpoint, target: str | Endpoint, port: int | Port) -> bool:
    """Return whether an endpoint of the network may open a connection to a port of another (TCP for a number)."""
    world = {endpoint.name: endpoint for endpoint in endpoints(plan)}
    begin, end = (world[side] if isinstance(side, str) else side for side in (source, target))
    return planned_policies(plan).evaluate(begin, end, end.port(port) if isinstance(port, int) else port).allowed
