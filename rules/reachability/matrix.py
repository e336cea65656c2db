"""Everybody against everybody: each selector is evaluated once per endpoint, not once per pair of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rules.reachability.endpoint import Endpoint, Port
from rules.reachability.semantics import Direction, Policies, Policy, peer_matches, port_matches

Members = frozenset[int]
"""Endpoints, by their place in the matrix."""
_KEYS: dict[Direction, str] = {"ingress": "from", "egress": "to"}


@dataclass(frozen=True)
class _Rule:
    """A rule: whom its policy selects, whom it names, and the ports it is about."""

    subjects: Members
    peers: Members
    ports: Sequence[Any] | None


@dataclass(frozen=True)
class ReachRow:
    """One port and everybody who reaches it."""

    target: Endpoint
    port: Port
    sources: tuple[Endpoint, ...]


class Matrix:
    """Which endpoints reach which ports of which others."""

    def __init__(self, endpoints: Sequence[Endpoint], policies: Policies) -> None:
        self.endpoints = tuple(endpoints)
        self.locations = {endpoint.name: at for at, endpoint in enumerate(self.endpoints)}
        self._everybody: Members = frozenset(range(len(self.endpoints)))
        self._isolated: dict[Direction, Members] = {}
        self._into: list[list[_Rule]] = [[] for _ in self.endpoints]
        self._toward: list[list[_Rule]] = [[] for _ in self.endpoints]
        for rule in self._compile(policies, "ingress"):
            for at in rule.subjects:
                self._into[at].append(rule)
        for rule in self._compile(policies, "egress"):
            for at in rule.peers:
                self._toward[at].append(rule)

    def _compile(self, policies: Policies, direction: Direction) -> list[_Rule]:
        rules: list[_Rule] = []
        isolated: set[int] = set()
        for policy in policies.all:
            subjects = self._selected(policy) if direction in policy.directions() else frozenset[int]()
            isolated |= subjects
            for rule in policy.rules(direction) if subjects else ():
                peers = rule.get(_KEYS[direction])
                named = (at for at, other in enumerate(self.endpoints) if peer_matches(peers, policy.namespace, other))
                rules.append(_Rule(subjects, frozenset(named), rule.get("ports")))
        self._isolated[direction] = frozenset(isolated)
        return rules

    def _selected(self, policy: Policy) -> Members:
        return frozenset(at for at, endpoint in enumerate(self.endpoints) if policy.selects(endpoint))

    def subjects(self, policy: Policy) -> tuple[Endpoint, ...]:
        """Return the endpoints that a policy applies to."""
        return self._named(self._selected(policy))

    def isolated(self, at: int, direction: Direction) -> bool:
        """Return whether any policy selects an endpoint for a direction."""
        return at in self._isolated[direction]

    def sources(self, at: int, port: Port) -> Members:
        """Return which endpoints may open a connection to a port of the endpoint at a place.

        Whether it is among them itself says whether its pods reach each other, as replicas of a database must.
        """
        sending = self._everybody - self._isolated["egress"]
        sending |= _union(rule.subjects for rule in self._toward[at] if port_matches(rule.ports, port))
        if not self.isolated(at, "ingress"):
            return sending
        return sending & _union(rule.peers for rule in self._into[at] if port_matches(rule.ports, port))

    def reaches(self, source: str, target: str, number: int) -> bool:
        """Return whether one endpoint, by name, may open a TCP connection to a port of another."""
        at = self.locations[target]
        return self.locations[source] in self.sources(at, self.endpoints[at].port(number))

    def rows(self, own: frozenset[str]) -> Iterator[ReachRow]:
        """Yield every port of every endpoint with those who reach it.

        Args:
            own: The namespaces that are asked about: what others say to each other is not shown.
        """
        initiating = frozenset(at for at, endpoint in enumerate(self.endpoints) if endpoint.initiates)
        ours = frozenset(at for at in initiating if self.endpoints[at].namespace in own)
        for at, endpoint in enumerate(self.endpoints):
            for port in endpoint.ports:
                found = self.sources(at, port) & (initiating if endpoint.namespace in own else ours)
                yield ReachRow(endpoint, port, self._named(found))

    def _named(self, members: Members) -> tuple[Endpoint, ...]:
        return tuple(self.endpoints[at] for at in sorted(members))


def _union(sets: Iterable[Members]) -> Members:
    return frozenset[int]().union(*sets)
