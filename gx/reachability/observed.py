"""Connections that really happen, evaluated by the program's policies: what nobody uses can be closed."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from common.cluster import POD_RANGE
from common.objects import Object, mapping, sequence
from rules.reachability.endpoint import Endpoint, Port, ranges
from rules.reachability.semantics import Policies

_FIELD = re.compile(r"\b(src|dst|sport|dport)=(\S+)")


@dataclass(frozen=True, order=True)
class Connection:
    """An entry of a node's connection table, after a Service was translated.

    Attributes:
        source: Who opened it, as an address.
        target: Who answers, as an address.
        port: The port that answers.
        protocol: TCP, UDP or SCTP.
    """

    source: str
    target: str
    port: int
    protocol: str


@dataclass(frozen=True, order=True)
class Seen:
    """Connections of one kind that were seen.

    Attributes:
        source: Who opens them.
        target: To whom.
        port: On which port, as "number/protocol".
        allowed: Whether the program's own policies let them through.
    """

    source: str
    target: str
    port: str
    allowed: bool

    @property
    def text(self) -> str:
        """The connection, as one line."""
        return f"{self.source} -> {self.target} {self.port}"


def connections(table: str) -> Iterator[Connection]:
    """Yield the answered connections of a table in the form of /proc/net/nf_conntrack."""
    for line in table.splitlines():
        fields = _FIELD.findall(line)
        if "[UNREPLIED]" in line or [name for name, _ in fields] != ["src", "dst", "sport", "dport"] * 2:
            continue
        values = [value for _, value in fields]
        # The first half is what was asked for, maybe a Service's address; the second is who answers.
        yield Connection(values[0], values[4], int(values[6]), line.split()[2].upper())


def evaluated(
    found: Iterable[Connection], policies: Policies, own: frozenset[str], objects: Mapping[str, Iterable[Object]]
) -> list[Seen]:
    """Return the connections from and to pods of the network, each kind once.

    What a kubelet sends to the pods of its own node no policy can stop. It comes from an address in the range of pods
    that no pod has, as what a pod did that is gone by now: both are left out.

    Args:
        found: Connections of all nodes.
        policies: The program's own policies.
        own: The network's namespaces.
        objects: Live Pods, Namespaces and Nodes, by kind.
    """
    labels = {n["metadata"]["name"]: mapping(n, "metadata", "labels") for n in objects["Namespace"]}
    pods = {
        str(ip["ip"]): pod for pod in objects["Pod"] if not pod["spec"].get("hostNetwork") for ip in _addresses(pod)
    }
    nodes = {
        node["metadata"]["name"]: {str(entry["address"]) for entry in sequence(node, "status", "addresses")}
        for node in objects["Node"]
    }

    def endpoint(address: str) -> Endpoint:
        pod = pods.get(address)
        if pod is None:
            return Endpoint(name=address, ranges=ranges(address))
        meta = pod["metadata"]
        name = mapping(meta, "labels").get("app", meta["name"])
        return Endpoint(
            name=name if meta["namespace"] in own else f"{meta['namespace']}/{name}",
            namespace=meta["namespace"],
            labels=mapping(meta, "labels"),
            namespace_labels=labels.get(meta["namespace"], {}),
            ranges=ranges(address),
        )

    seen: set[Seen] = set()
    for one in found:
        source, target, port = endpoint(one.source), endpoint(one.target), Port(number=one.port, protocol=one.protocol)
        if not own & {source.namespace, target.namespace} or _no_pod(source) or _no_pod(target):
            continue
        if target.inside and one.source in nodes.get(pods[one.target]["spec"]["nodeName"], ()):
            continue
        seen.add(Seen(source.name, target.name, str(port), policies.evaluate(source, target, port).allowed))
    return sorted(seen)


def _addresses(pod: Object) -> list[Object]:
    return sequence(pod, "status", "podIPs")


def _no_pod(endpoint: Endpoint) -> bool:
    return not endpoint.inside and any(ip_network(POD_RANGE).overlaps(addresses) for addresses in endpoint.ranges)
