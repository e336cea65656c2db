"""The A records that a network wants (production.md#dns-and-edge)."""

from settings.settings import Settings


def declared_records(settings: Settings) -> list[tuple[str, str]]:
    """Return (host, address) of every A record while no node is drained: one per host and node, each once."""
    return _records(settings, {node.id for node in settings.stack.nodes})


def wanted_records(settings: Settings) -> list[tuple[str, str]]:
    """Return (host, address) of every A record that is wanted now: those of active nodes."""
    active = settings.stack.edge.active_nodes
    return declared_records(settings) if active is None else _records(settings, set(active))


def _records(settings: Settings, nodes: set[str]) -> list[tuple[str, str]]:
    addresses = {node.id: node.address for node in settings.stack.nodes}
    network, dns = settings.network, settings.stack.dns
    pairs = [
        (host, addresses[node])
        for host, listed in ((network.wallet_host, dns.wallet), (network.api_host, dns.api))
        for node in listed
        if node in nodes
    ]
    return list(dict.fromkeys(pairs))
