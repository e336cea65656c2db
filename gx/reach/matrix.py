"""Everybody against everybody: each rule is judged once for each endpoint, and sets of endpoints are bits of a number.

500 pods against 500 pods are 250,000 pairs; asking about each of them alone would judge every selector 500 times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gx.reach.endpoint import Endpoint, Port
from gx.reach.semantics import Direction, Policies, peer_matches, port_matches


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
        self._ingress, self._isolated_in = self._compile(policies, "ingress")
        self._egress, self._isolated_out = self._compile(policies, "egress")

    def _compile(self, policies: Policies, direction: Direction) -> tuple[list[_Rule], int]:
        rules: list[_Rule] = []
        isolated = 0
        key = "from" if direction == "ingress" else "to"
        for policy in policies.all:
            if direction not in policy.directions():
                continue
            subjects = self._bits(policy.selects(endpoint) for endpoint in self.endpoints)
            isolated |= subjects
            if subjects:
                rules += [
                    _Rule(
                        subjects,
                        self._bits(peer_matches(rule.get(key), policy.namespace, other) for other in self.endpoints),
                        rule.get("ports"),
                    )
                    for rule in policy.rules(direction)
                ]
        return rules, isolated

    def _bits(self, flags: Iterator[bool]) -> int:
        return sum(1 << index for index, flag in enumerate(flags) if flag)

    def sources(self, index: int, port: Port) -> int:
        """Return, as bits, which endpoints may open a connection to a port of the endpoint at an index.

        Its own bit says whether its pods reach each other, as replicas of a database must.
        """
        everybody, bit = (1 << len(self.endpoints)) - 1, 1 << index
        admitted, sending = everybody, everybody & ~self._isolated_out
        if self._isolated_in & bit:
            admitted = 0
            for rule in self._ingress:
                if rule.subjects & bit and port_matches(rule.ports, port):
                    admitted |= rule.peers
        for rule in self._egress:
            if rule.peers & bit and port_matches(rule.ports, port):
                sending |= rule.subjects
        return admitted & sending

    def rows(self, own: frozenset[str]) -> Iterator[Row]:
        """Yield every port of every endpoint with those who reach it.

        Args:
            own: The namespaces that are asked about: what others say to each other is not shown.
        """
        ours = self._bits(endpoint.namespace in own for endpoint in self.endpoints)
        initiating = self._bits(endpoint.initiates for endpoint in self.endpoints)
        for index, endpoint in enumerate(self.endpoints):
            for port in endpoint.ports:
                found = self.sources(index, port) & initiating & (~0 if endpoint.namespace in own else ours)
                yield Row(endpoint, port, tuple(other for at, other in enumerate(self.endpoints) if found >> at & 1))
