"""Who reaches whom, as a user reads it: a table per network, and the reason of a single answer."""

from collections.abc import Iterable, Sequence

from rules.reachability.endpoint import Endpoint, Port
from rules.reachability.matrix import Matrix, ReachRow
from rules.reachability.semantics import Policies, Policy, Side


def grouped(rows: Iterable[ReachRow]) -> list[tuple[str, str, str]]:
    """Return (target, ports, sources) with the ports of a target that the same endpoints reach in one entry."""
    entries: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        sources = ", ".join(source.name for source in row.sources) or "nobody"
        entries.setdefault((row.target.name, sources), []).append(str(row.port))
    return [(target, ", ".join(ports), sources) for (target, sources), ports in entries.items()]


def markdown(network: str, matrix: Matrix, own: frozenset[str]) -> str:
    """Return the table of a network for review: the file that a change of its policies must change."""
    inside, outside = (
        [row for row in matrix.rows(own) if (row.target.namespace in own) is wanted] for wanted in (True, False)
    )
    lines = [f"# Who reaches whom on {network}", "", *_table(inside), "", "## Out of the network", "", *_table(outside)]
    return "\n".join(lines) + "\n"


def _table(rows: Iterable[ReachRow]) -> list[str]:
    return ["| target | ports | reached by |", "|---|---|---|"] + [
        f"| {target} | {ports} | {sources} |" for target, ports, sources in grouped(rows)
    ]


def explanation(policies: Policies, source: Endpoint, target: Endpoint, port: Port) -> list[str]:
    """Return the answer to one question and whose doing it is: one line, then one per side."""
    verdict = policies.evaluate(source, target, port)
    answer = "allowed" if verdict.allowed else "denied"
    return [
        f"{source.name} -> {target.name} {port}: {answer}",
        f"  out of {source.name}: {_why(verdict.egress, source)}",
        f"  into {target.name}: {_why(verdict.ingress, target)}",
    ]


def _why(side: Side, subject: Endpoint) -> str:
    if not subject.inside:
        return "lies outside the cluster, where no policy counts"
    if not side.isolated:
        return f"no policy of {subject.namespace} selects it for this direction, so everything passes"
    if side.allowing:
        return f"allowed by {_names(side.allowing)}"
    return f"no rule names it in {_names(side.selecting)}"


def _names(policies: Sequence[Policy]) -> str:
    return ", ".join(f"{policy.name} (live)" if policy.live else policy.name for policy in policies)
