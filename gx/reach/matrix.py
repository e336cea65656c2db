"""Everybody against everybody: sets of endpoints are bits of a number, so a selector is judged once for all of them.

500 pods against 500 pods are 250,000 pairs; asking about each of them alone would judge every selector 500 times.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gx.reach.endpoint import Endpoint, Port, Range
from gx.reach.semantics import Direction, Policies, Policy, peer_matches, port_matches


@dataclass(frozen=True)
class _Rule:
    """A rule: whom its policy selects, whom it names, and the ports it is about."""

    subjects: int
    peers: int
    ports: Sequence[Any] | None


@dataclass(frozen=True)
class Row:
    """One port and everybody who reaches it."""

    target: Endpoint
    port: Port
    sources: tuple[Endpoint, ...]


class Matrix:
    """Which endpoints reach which ports of which others."""

    def __init__(self, endpoints: Sequence[Endpoint], policies: Policies) -> None:
        self.endpoints = tuple(endpoints)
        self.places = {endpoint.name: at for at, endpoint in enumerate(self.endpoints)}
        self._sets = _Sets(self.endpoints)
        self._ingress, self._isolated_in = self._compile(policies, "ingress")
        self._egress, self._isolated_out = self._compile(policies, "egress")
        self._into = self._by_bit(self._ingress, lambda rule: rule.subjects)
        self._toward = self._by_bit(self._egress, lambda rule: rule.peers)

    def _compile(self, policies: Policies, direction: Direction) -> tuple[list[_Rule], int]:
        rules: list[_Rule] = []
        isolated = 0
        key = "from" if direction == "ingress" else "to"
        for policy in policies.all:
            subjects = self._selected(policy) if direction in policy.directions() else 0
            isolated |= subjects
            if subjects:
                rules += [
                    _Rule(subjects, self._sets.peers(rule.get(key), policy.namespace), rule.get("ports"))
                    for rule in policy.rules(direction)
                ]
        return rules, isolated

    def _by_bit(self, rules: Iterable[_Rule], pick: Callable[[_Rule], int]) -> list[list[_Rule]]:
        found: list[list[_Rule]] = [[] for _ in self.endpoints]
        for rule in rules:
            for at in _bits(pick(rule)):
                found[at].append(rule)
        return found

    def subjects(self, policy: Policy) -> tuple[Endpoint, ...]:
        """Return the endpoints that a policy applies to."""
        return tuple(self.endpoints[at] for at in _bits(self._selected(policy)))

    def _selected(self, policy: Policy) -> int:
        return self._sets.of_namespace(policy.namespace) & self._sets.selected(policy.spec.get("podSelector") or {})

    def isolated(self, at: int, direction: Direction) -> bool:
        """Return whether any policy selects an endpoint for a direction."""
        return bool((self._isolated_in if direction == "ingress" else self._isolated_out) >> at & 1)

    def sources(self, at: int, port: Port) -> int:
        """Return, as bits, which endpoints may open a connection to a port of the endpoint at an index.

        Its own bit says whether its pods reach each other, as replicas of a database must.
        """
        everybody = self._sets.everybody
        admitted, sending = everybody, everybody & ~self._isolated_out
        if self._isolated_in >> at & 1:
            admitted = _union(r.peers for r in self._into[at] if port_matches(r.ports, port))
        sending |= _union(r.subjects for r in self._toward[at] if port_matches(r.ports, port))
        return admitted & sending

    def reaches(self, source: str, target: str, number: int) -> bool:
        """Return whether one endpoint, by name, may open a TCP connection to a port of another."""
        at = self.places[target]
        return bool(self.sources(at, self.endpoints[at].port(number)) >> self.places[source] & 1)

    def rows(self, own: frozenset[str]) -> Iterator[Row]:
        """Yield every port of every endpoint with those who reach it.

        Args:
            own: The namespaces that are asked about: what others say to each other is not shown.
        """
        ours = _union(self._sets.of_namespace(name) for name in own)
        initiating = sum(1 << at for at, endpoint in enumerate(self.endpoints) if endpoint.initiates)
        for at, endpoint in enumerate(self.endpoints):
            for port in endpoint.ports:
                found = self.sources(at, port) & initiating & (~0 if endpoint.namespace in own else ours)
                yield Row(endpoint, port, tuple(self.endpoints[other] for other in _bits(found)))


def _union(sets: Iterable[int]) -> int:
    found = 0
    for members in sets:
        found |= members
    return found


def _bits(number: int) -> Iterator[int]:
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low


class _Sets:
    """Sets of endpoints by label, by namespace and by address."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = endpoints
        self.everybody = (1 << len(endpoints)) - 1
        self._labels: dict[tuple[str, str], int] = {}
        self._keys: dict[str, int] = {}
        self._namespaces: dict[str, int] = {}
        self._ranges: dict[tuple[Range, ...], int] = {}
        for at, endpoint in enumerate(endpoints):
            bit = 1 << at
            for key, value in endpoint.labels.items():
                self._labels[key, value] = self._labels.get((key, value), 0) | bit
                self._keys[key] = self._keys.get(key, 0) | bit
            self._namespaces[endpoint.namespace] = self._namespaces.get(endpoint.namespace, 0) | bit
            self._ranges[endpoint.ranges] = self._ranges.get(endpoint.ranges, 0) | bit
        self._inside = self.everybody & ~self._namespaces.get("", 0)

    def of_namespace(self, name: str) -> int:
        """Return the pods of a namespace."""
        return self._namespaces.get(name, 0)

    def selected(self, selector: Mapping[str, Any]) -> int:
        """Return the endpoints that a label selector selects; an empty one selects all."""
        terms = [self._labels.get(label, 0) for label in selector.get("matchLabels", {}).items()]
        terms += [self._expression(entry) for entry in selector.get("matchExpressions", [])]
        found = self.everybody
        for term in terms:
            found &= term
        return found

    def _expression(self, entry: Mapping[str, Any]) -> int:
        key, operator = entry["key"], entry["operator"]
        if operator in {"Exists", "DoesNotExist"}:
            found = self._keys.get(key, 0)
        else:
            found = _union(self._labels.get((key, value), 0) for value in entry.get("values", []))
        return found if operator in {"Exists", "In"} else self.everybody & ~found

    def peers(self, peers: Sequence[Mapping[str, Any]] | None, own_namespace: str) -> int:
        """Return whom a rule's `from` or `to` names; missing or empty names everybody."""
        if not peers:
            return self.everybody
        return _union(self._peer(peer, own_namespace) for peer in peers)

    def _peer(self, peer: Mapping[str, Any], own_namespace: str) -> int:
        if peer.get("ipBlock") is not None:
            return self._one_of_each(self._ranges, peer, own_namespace)
        namespaces = self.of_namespace(own_namespace)
        if peer.get("namespaceSelector") is not None:
            only = {"namespaceSelector": peer["namespaceSelector"]}
            namespaces = self._one_of_each(self._namespaces, only, own_namespace)
        pods = peer.get("podSelector")
        return self._inside & namespaces & (self.everybody if pods is None else self.selected(pods))

    def _one_of_each(self, groups: Mapping[Any, int], peer: Mapping[str, Any], own_namespace: str) -> int:
        """Judge one endpoint of each group: the others of it have the same addresses, or lie in the same namespace."""
        found = 0
        for members in groups.values():
            first = self._endpoints[next(_bits(members))]
            if peer_matches([peer], own_namespace, first):
                found |= members
        return found
