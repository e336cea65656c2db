"""Where the node is: a pair of addresses of its own, and nothing of this machine's network is touched."""

from ipaddress import ip_network

from catalogue.nodes import NODES

LOCAL_LINK = "10.199.77.0/30"
"""The link between this machine and its node."""
HOST_LINK = "gx-pods"
"""The host's end of the link to the node; it goes when the node goes."""
NODE_LINK = "uplink"
HOST_ADDRESS, NODE_ADDRESS = (str(address) for address in ip_network(LOCAL_LINK).hosts())
PREFIX = ip_network(LOCAL_LINK).prefixlen
POD_SUBNET = "10.42.0.0/24"
"""The node's share of production's range of pods."""
NODE_NAME = "gx-local"
"""No node of production has that name."""
MODEL = next(node for node in NODES if node.labels.get("node-id") == "vps4")
"""The node of devnet and testnet (production.md#cluster-and-networks): its labels and taints are this one's."""
