"""One side of a connection, as a NetworkPolicy sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

NAMESPACE_NAME = "kubernetes.io/metadata.name"
Range = IPv4Network | IPv6Network


@dataclass(frozen=True, kw_only=True, order=True)
class Port:
    """A port that an endpoint listens on: the container's, after a Service was translated."""

    number: int
    protocol: str = "TCP"
    name: str = ""

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A group of pods with the same labels, or a place outside the cluster.

    Attributes:
        name: What a user calls it; unique in a world.
        namespace: The pods' namespace; empty outside the cluster, where no policy can isolate anything.
        labels: Labels of the pods.
        namespace_labels: Labels of the namespace; its name is always among them.
        ports: What it listens on.
        ranges: Its addresses. A block that holds a part of them reaches a part of the group, so it counts.
        initiates: Whether it opens connections itself; an API server or a metadata service only answers.
    """

    name: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    namespace_labels: Mapping[str, str] = field(default_factory=dict[str, str])
    ports: tuple[Port, ...] = ()
    ranges: tuple[Range, ...] = ()
    initiates: bool = True

    @property
    def inside(self) -> bool:
        """Whether it is a pod."""
        return bool(self.namespace)

    def port(self, number: int) -> Port:
        """Return a TCP port of it, with the name by which a policy may mean it."""
        known = (port for port in self.ports if port.number == number and port.protocol == "TCP")
        return next(known, Port(number=number))

    @property
    def all_namespace_labels(self) -> dict[str, str]:
        """The namespace's labels, with the one that every API server adds."""
        return {**self.namespace_labels, NAMESPACE_NAME: self.namespace}


def ranges(*texts: str) -> tuple[Range, ...]:
    """Return address ranges from their texts; a single address is a range of one."""
    return tuple(ip_network(text) for text in texts)
