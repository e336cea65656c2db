"""Parts of NetworkPolicies: typed dicts, nothing is registered here."""

from pulumi_kubernetes.networking.v1 import NetworkPolicyPeerArgsDict, NetworkPolicyPortArgsDict


def namespace_peer(name: str) -> NetworkPolicyPeerArgsDict:
    """Return every pod of a namespace as a peer, by the label that each API server gives it."""
    return {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": name}}}


def port_list(*numbers: int, protocol: str = "TCP") -> list[NetworkPolicyPortArgsDict]:
    """Return ports of one protocol."""
    return [{"port": number, "protocol": protocol} for number in numbers]
