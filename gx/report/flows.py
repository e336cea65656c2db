"""Who may talk to whom, as a picture needs it: boxes of what the policies treat alike, and wires between them."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique

from catalogue.external_workloads import EXTERNAL_WORKLOADS
from common.cluster import INGRESS_CONTROLLERS, UNLISTED
from common.naming import BACKUP_METRICS
from common.plan import Plan
from common.pods import pods
from rules.reachability.endpoint import Port
from rules.reachability.matrix import Matrix, ReachRow
from rules.reachability.semantics import Policies
from rules.reachability.world import (
    CLOUDFLARE,
    DNS,
    INTERNET,
    PROMETHEUS,
    SOLVER,
    endpoints,
    planned_policies,
    pod_name,
)

OUTGOING = "to "
"""Before the name of a place outside that is reached, where the same place also begins connections."""
ANYONE = "anyone else"
"""Who reaches nothing but the solver of certificates, which everybody must."""
SHOWN = 6
"""Members of a box that are named; the rest is counted."""


@unique
class Lane(StrEnum):
    """Where a box stands, from the users on the left to what lies behind the services."""

    USERS = "users"
    EDGE = "edge"
    SERVICES = "services"
    JOBS = "jobs and copies"
    WATCH = "watching"
    DATA = "data"
    OUTSIDE = "out of the network"


@unique
class Layer(StrEnum):
    """Which wires belong together: only the first is shown until a user asks for more."""

    REQUESTS = "requests and data"
    BETWEEN = "between services"
    MONITORING = "monitoring"
    DNS = "DNS"
    CERTIFICATES = "certificates"


@dataclass(frozen=True, kw_only=True)
class Box:
    """Endpoints that reach the same others and are reached by the same.

    Attributes:
        key: Unique in a picture, and fit for an id of HTML.
        lane: Where it stands.
        members: What it holds.
        ports: What each member is reached on, as text.
        reaches: Whom it may reach, with ports.
        reached_by: Who may reach it, with ports.
        policies: Names of the policies that apply to any member.
    """

    key: str
    lane: Lane
    members: tuple[str, ...]
    ports: Mapping[str, str]
    reaches: tuple[str, ...]
    reached_by: tuple[str, ...]
    policies: tuple[str, ...]

    @property
    def title(self) -> str:
        """Its members in a few words."""
        return named(self.members)


@dataclass(frozen=True, order=True)
class Wire:
    """Connections that the policies allow from one box to another.

    Attributes:
        layer: Which wires it belongs to.
        source: Key of the box where they begin.
        target: Key of the box where they end.
    """

    layer: Layer
    source: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Flows:
    """Everything that may be said in a network.

    Attributes:
        rows: Every port with those who reach it: the table behind the picture.
        boxes: Boxes, in the order of their lanes.
        wires: Wires between different boxes.
    """

    rows: tuple[ReachRow, ...]
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]


Ports = dict[str, None]
"""An ordered set of ports as text."""
Pairs = dict[tuple[str, str], Ports]
"""Ports by source and target of the allowed connections."""


def named(members: Iterable[str]) -> str:
    """Return names in a few words."""
    names = list(members)
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def flows_of(plan: Plan) -> Flows:
    """Return what may be said in a network, by the policies of its Plan and by its DNS records."""
    policies = planned_policies(plan)
    matrix = Matrix(endpoints(plan), policies)
    rows = tuple(matrix.rows(plan.own_namespaces))
    pairs, lanes = _pairs(plan, rows), _lanes(plan)
    groups = _groups(pairs, lanes)
    keys = {member: f"box-{at}" for at, (_, group) in enumerate(groups) for member in group}
    joined: dict[tuple[str, str], Ports] = defaultdict(dict)
    wires: set[Wire] = set()
    for (source, target), ports in pairs.items():
        joined[keys[source], keys[target]] |= ports
        if keys[source] != keys[target]:
            wires.add(Wire(_layer(source, target, lanes), keys[source], keys[target]))
    talk = _Talk({keys[group[0]]: named(group) for _, group in groups}, joined)
    ruling = _ruling(matrix, policies)
    return Flows(
        rows=rows,
        boxes=tuple(_box(lane, group, keys[group[0]], pairs, talk, ruling) for lane, group in groups),
        wires=tuple(sorted(wires)),
    )


def _ruling(matrix: Matrix, policies: Policies) -> Mapping[str, frozenset[str]]:
    """Return the names of the policies that apply to each endpoint."""
    found: dict[str, set[str]] = defaultdict(set)
    for policy in policies.all:
        for endpoint in matrix.subjects(policy):
            found[endpoint.name].add(policy.name)
    return {name: frozenset(names) for name, names in found.items()}


def _pairs(plan: Plan, rows: Iterable[ReachRow]) -> Pairs:
    pairs: Pairs = defaultdict(dict)
    for row in rows:
        begins_too = not row.target.inside and row.target.initiates
        target = f"{OUTGOING}{row.target.name}" if begins_too else row.target.name
        for source in row.sources:
            pairs[source.name, target][_shown(row.port)] = None
    if any(resource.kind == "DnsRecord" and resource.inputs.get("proxied") for resource in plan.resources):
        pairs[INTERNET, CLOUDFLARE]["443"] = None
    others = {name for pair in pairs if pair[1] != SOLVER for name in pair}
    for source, target in [pair for pair in pairs if pair[1] == SOLVER and pair[0] not in others]:
        pairs[ANYONE, target] |= pairs.pop((source, target))
    return pairs


def _shown(port: Port) -> str:
    return str(port.number) if port.protocol == "TCP" else str(port)


def _lanes(plan: Plan) -> dict[str, Lane]:
    """Return where everything stands that is known by name; a place outside is known by what it does."""
    lanes = {controller.namespace: Lane.EDGE for controller in INGRESS_CONTROLLERS.values()}
    lanes |= {name: Lane.DATA if external.ports else Lane.JOBS for name, external in EXTERNAL_WORKLOADS.items()}
    by_kind = {"DaemonSet": Lane.EDGE, "StatefulSet": Lane.DATA, "Deployment": Lane.SERVICES}
    for pod in pods(plan):
        lanes[pod_name(pod)] = by_kind.get(pod.owner.kind, Lane.JOBS)
    lanes |= {
        BACKUP_METRICS: Lane.JOBS,
        SOLVER: Lane.JOBS,
        ANYONE: Lane.USERS,
        UNLISTED: Lane.JOBS,
        PROMETHEUS: Lane.WATCH,
    }
    return lanes


def _lane(name: str, lanes: Mapping[str, Lane], *, begins: bool) -> Lane:
    return lanes.get(name, Lane.USERS if begins else Lane.OUTSIDE)


def _layer(source: str, target: str, lanes: Mapping[str, Lane]) -> Layer:
    if target == SOLVER:
        return Layer.CERTIFICATES
    if target == DNS:
        return Layer.DNS
    if source == PROMETHEUS:
        return Layer.MONITORING
    both = lanes.get(source) is Lane.SERVICES and lanes.get(target) is Lane.SERVICES
    return Layer.BETWEEN if both else Layer.REQUESTS


def _groups(pairs: Pairs, lanes: Mapping[str, Lane]) -> list[tuple[Lane, list[str]]]:
    """Put together whom the policies treat alike: 500 workloads of one shape are one box, not 500.

    Alike are those of a lane that have the same neighbours in both directions; first those that also talk to each
    other, then those that do not.
    """
    names = sorted({name for pair in pairs for name in pair})
    into: dict[str, frozenset[str]] = _neighbours(names, ((target, source) for source, target in pairs))
    out: dict[str, frozenset[str]] = _neighbours(names, pairs)
    lane = {name: _lane(name, lanes, begins=bool(out[name] - {SOLVER})) for name in names}
    talking = _alike(names, lambda name: (lane[name], into[name] | {name}, out[name] | {name}))
    groups = [group for group in talking if len(group) > 1]
    single = [group[0] for group in talking if len(group) == 1]
    groups += _alike(single, lambda name: (lane[name], into[name], out[name]))
    order = list(Lane)
    return sorted(((lane[group[0]], group) for group in groups), key=lambda entry: (order.index(entry[0]), entry[1]))


def _neighbours(names: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {name: set() for name in names}
    for one, other in pairs:
        found[one].add(other)
    return {name: frozenset(others) for name, others in found.items()}


def _alike(names: Iterable[str], key: Callable[[str], Hashable]) -> list[list[str]]:
    groups: dict[Hashable, list[str]] = {}
    for name in names:
        groups.setdefault(key(name), []).append(name)
    return list(groups.values())


@dataclass(frozen=True)
class _Talk:
    """What boxes say to each other: titles by key, ports by pair of keys."""

    titles: Mapping[str, str]
    joined: Mapping[tuple[str, str], Ports]

    def of(self, key: str, *, outward: bool) -> tuple[str, ...]:
        found: list[str] = []
        for (source, target), ports in self.joined.items():
            own, other = (source, target) if outward else (target, source)
            if own == key:
                name = "each other" if own == other else self.titles[other]
                found.append(f"{name} ({', '.join(ports)})")
        return tuple(sorted(found))


def _box(  # noqa: PLR0917 all that is known of a box
    lane: Lane, group: list[str], key: str, pairs: Pairs, talk: _Talk, ruling: Mapping[str, frozenset[str]]
) -> Box:
    members = set(group)
    ports: dict[str, Ports] = defaultdict(dict)
    for (_, target), found in pairs.items():
        if target in members:
            ports[target] |= found
    return Box(
        key=key,
        lane=lane,
        members=tuple(group),
        ports={name: ", ".join(ports.get(name, ())) for name in group},
        reaches=talk.of(key, outward=True),
        reached_by=talk.of(key, outward=False),
        policies=tuple(sorted(frozenset[str]().union(*(ruling.get(name, ()) for name in group)))),
    )
