"""What policies made by hand open beside the program's own: while they do, default deny is not in force."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.plan import Plan
from rules.reachability.endpoint import Endpoint, Port
from rules.reachability.matrix import Matrix
from rules.reachability.semantics import Policies, Policy
from rules.reachability.world import Around, endpoints, planned_policies


@dataclass(frozen=True)
class Opened:
    """A connection that the program's policies close and others open.

    Attributes:
        source: Who may open it.
        target: To whom.
        port: On which port.
        policies: Names of the others that allow it.
    """

    source: Endpoint
    target: Endpoint
    port: Port
    policies: tuple[str, ...]

    @property
    def text(self) -> str:
        """The connection and its policies, as one line."""
        return f"{self.source.name} -> {self.target.name} {self.port}, by {', '.join(self.policies)}"


def opened(plan: Plan, old: Sequence[Policy], live: Around | None = None) -> list[Opened]:
    """Return what policies made by hand open that the program's own ones close.

    Args:
        plan: The Plan.
        old: Those made by hand: recorded in the Plan, or live.
        live: What is known of the cluster around it; None for what the Plan says.
    """
    own, planned = plan.own_namespaces, planned_policies(plan)
    joined = Policies([*planned.all, *old])
    closed = {
        (row.target.name, row.port): {source.name for source in row.sources}
        for row in Matrix(endpoints(plan), planned).rows(own)
    }
    return [
        Opened(source, row.target, row.port, _allowing(joined, source, row.target, row.port))
        for row in Matrix(endpoints(plan, live), joined).rows(own)
        for source in row.sources
        if source.name not in closed.get((row.target.name, row.port), set())
    ]


def _allowing(policies: Policies, source: Endpoint, target: Endpoint, port: Port) -> tuple[str, ...]:
    verdict = policies.evaluate(source, target, port)
    return tuple(sorted({p.name for p in (*verdict.egress.allowing, *verdict.ingress.allowing) if p.live}))


def not_in_force(found: Sequence[Opened]) -> str:
    """Return the line that says why default deny is not in force; empty where it is."""
    if not found:
        return ""
    names = sorted({name for one in found for name in one.policies})
    count = f"{len(found)} connection{'s' * (len(found) > 1)}"
    by = f"policies made by hand ({', '.join(names)})"
    return f"default deny is not in force: {by} open {count} that the program's close"
