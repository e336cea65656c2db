"""What a NetworkPolicy means (networking.k8s.io/v1), word for word as upstream defines it.

Policies add up: a pod that at least one policy selects for a direction is isolated in it, and only what some rule of
those policies allows gets through. Missing and empty differ: no `from` means everybody, an empty selector means every
pod, a missing one means that the other selector alone decides. A connection needs both sides' consent. What a kubelet
sends to pods of its own node, and what a pod sends to itself, no policy can stop; both are left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_network
from typing import Any, Literal, cast

from common.pods import matches
from rules.reachability.endpoint import Endpoint, Port, Range

Direction = Literal["ingress", "egress"]
Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Policy:
    """One policy: where it lies, what it is called, what it says, and whether it is live instead of planned."""

    namespace: str
    name: str
    spec: Manifest
    live: bool = False

    def directions(self) -> set[str]:
        """Return the directions that it isolates; a missing list means ingress, and egress where it has such rules."""
        given = cast("Sequence[str]", self.spec.get("policyTypes") or ())
        if given:
            return {direction.lower() for direction in given}
        return {"ingress", "egress"} if self.spec.get("egress") else {"ingress"}

    def selects(self, endpoint: Endpoint) -> bool:
        """Return whether it applies to the pods of an endpoint."""
        return self.namespace == endpoint.namespace and matches(
            self.spec.get("podSelector") or {}, dict(endpoint.labels)
        )

    def rules(self, direction: Direction) -> Sequence[Manifest]:
        """Return its rules for a direction: none of them means that nothing is allowed."""
        return cast("Sequence[Manifest]", self.spec.get(direction) or ())


def policy_from(manifest: Manifest, *, live: bool = False) -> Policy:
    """Return the policy of a manifest."""
    metadata = cast("Manifest", manifest["metadata"])
    return Policy(
        str(metadata.get("namespace", "")), str(metadata["name"]), cast("Manifest", manifest["spec"]), live=live
    )


def peer_matches(peers: Sequence[Manifest] | None, own_namespace: str, other: Endpoint) -> bool:
    """Return whether a rule's `from` or `to` names an endpoint; missing or empty names everybody."""
    return not peers or any(_one_peer(peer, own_namespace, other) for peer in peers)


def _one_peer(peer: Manifest, own_namespace: str, other: Endpoint) -> bool:
    block = peer.get("ipBlock")
    if block is not None:
        return any(_in_block(block, addresses) for addresses in other.ranges)
    if not other.inside:
        return False
    namespaces, pods = peer.get("namespaceSelector"), peer.get("podSelector")
    if namespaces is None:
        if other.namespace != own_namespace:
            return False
    elif not matches(namespaces, other.all_namespace_labels):
        return False
    return pods is None or matches(pods, dict(other.labels))


def _in_block(block: Manifest, addresses: Range) -> bool:
    cidr = _network(str(block["cidr"]))
    if cidr.version != addresses.version or not cidr.overlaps(addresses):
        return False
    inner = cidr if cidr.num_addresses < addresses.num_addresses else addresses
    return not any(_within(inner, _network(str(text))) for text in block.get("except") or ())


@cache
def _network(text: str) -> Range:
    return ip_network(text, strict=False)


def _within(inner: Range, outer: Range) -> bool:
    return inner.version == outer.version and inner.network_address in outer and inner.prefixlen >= outer.prefixlen


def port_matches(ports: Sequence[Manifest] | None, port: Port) -> bool:
    """Return whether a rule's ports name a port; missing or empty names all, of every protocol."""
    return not ports or any(_one_port(entry, port) for entry in ports)


def _one_port(entry: Manifest, port: Port) -> bool:
    if (entry.get("protocol") or "TCP") != port.protocol:
        return False
    wanted, end = entry.get("port"), entry.get("endPort")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return wanted == port.name
    return wanted <= port.number <= end if end is not None else wanted == port.number


@dataclass(frozen=True)
class Side:
    """What one side says to a connection.

    Attributes:
        isolated: Whether any policy selects that side for its direction; if none does, everything is allowed.
        allowing: The policies that let it through.
        selecting: All policies that select that side.
    """

    isolated: bool
    allowing: tuple[Policy, ...]
    selecting: tuple[Policy, ...]

    @property
    def open(self) -> bool:
        """Whether this side lets the connection through."""
        return bool(self.allowing) or not self.isolated


@dataclass(frozen=True)
class Verdict:
    """Whether a connection gets through, and whose doing that is."""

    egress: Side
    ingress: Side

    @property
    def allowed(self) -> bool:
        """Whether both sides let it through."""
        return self.egress.open and self.ingress.open


class Policies:
    """A set of policies, asked about single connections."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self.all = tuple(policies)
        self._by_namespace: dict[str, list[Policy]] = {}
        for policy in self.all:
            self._by_namespace.setdefault(policy.namespace, []).append(policy)

    def selecting(self, endpoint: Endpoint, direction: Direction) -> Iterator[Policy]:
        """Yield the policies that isolate an endpoint in a direction."""
        for policy in self._by_namespace.get(endpoint.namespace, ()):
            if direction in policy.directions() and policy.selects(endpoint):
                yield policy

    def evaluate(self, source: Endpoint, target: Endpoint, port: Port) -> Verdict:
        """Return what happens when a source opens a connection to a port of a target."""
        return Verdict(
            egress=self._side("egress", source, target, port), ingress=self._side("ingress", target, source, port)
        )

    def _side(self, direction: Direction, subject: Endpoint, other: Endpoint, port: Port) -> Side:
        if not subject.inside:
            return Side(isolated=False, allowing=(), selecting=())
        selecting = tuple(self.selecting(subject, direction))
        key = "from" if direction == "ingress" else "to"
        allowing = tuple(
            policy
            for policy in selecting
            if any(
                port_matches(rule.get("ports"), port) and peer_matches(rule.get(key), subject.namespace, other)
                for rule in policy.rules(direction)
            )
        )
        return Side(isolated=bool(selecting), allowing=allowing, selecting=selecting)
