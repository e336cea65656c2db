"""HAProxy on the nodes' public ports."""

from components.edge_proxy.component import EdgeProxy, EdgeProxyArgs, edge_config
from components.edge_proxy.config import EdgeConfig

__all__ = ["EdgeConfig", "EdgeProxy", "EdgeProxyArgs", "edge_config"]
