"""The edge proxy's configuration as the program plans it."""

import wiring
from components.edge_proxy import EdgeConfig, edge_config
from settings.settings import Settings


def planned_edge(settings: Settings) -> EdgeConfig:
    """Return the proxy's configuration on a network."""
    return edge_config(wiring.edge_proxy(settings, settings.network.edge_namespace))
