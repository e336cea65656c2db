"""The four nodes (production.md#cluster-and-networks): `gx local` simulates them, and refuses real ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ClusterNode:
    """A node as the scheduler sees it.

    Attributes:
        name: Its name in the cluster.
        labels: The labels that selectors use.
        taints: Taints as "key=value:Effect".
    """

    name: str
    labels: Mapping[str, str]
    taints: tuple[str, ...] = field(default=())

    def taint_specs(self) -> list[dict[str, str]]:
        """Return its taints as Kubernetes writes them."""
        specs: list[dict[str, str]] = []
        for text in self.taints:
            pair, _, effect = text.partition(":")
            key, _, value = pair.partition("=")
            specs.append({"key": key, "value": value, "effect": effect})
        return specs


def _mainnet_node(name: str, number: int) -> ClusterNode:
    labels = {
        "node-id": f"vps{number}",
        "node-role": "primary",
        "fabric-role": f"mainnet-node{number}",
        "backend-environment": "mainnet",
    }
    return ClusterNode(name=name, labels=labels)


NODES = (
    _mainnet_node("srv1089618.hstgr.cloud", 1),
    _mainnet_node("srv1117946.hstgr.cloud", 2),
    _mainnet_node("srv1092158.hstgr.cloud", 3),
    ClusterNode(
        name="srv1089624.hstgr.cloud",
        labels={
            "node-id": "vps4",
            "node-role": "primary",
            "environment": "devnet-testnet",
            "fabric-role": "devnet-testnet",
            "monitoring": "true",
        },
        taints=("environment=nonprod:NoSchedule",),
    ),
)
