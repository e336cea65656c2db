"""The four nodes of production's one cluster (production.md 1): `gx local` simulates them, and refuses real ones."""

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

LOCAL_NODE = "gx-local"
"""The one node of a local cluster with real pods; no node of production has that name."""
LOCAL_LINK = "10.199.77.0/30"
"""The link between this machine and its node."""
