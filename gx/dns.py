"""The A records that a network wants (production.md 13)."""

from gx.settings.settings import Settings

AUTOMATIC_TTL = 1
"""What Cloudflare requires of a proxied record."""


def wanted_records(settings: Settings) -> list[tuple[str, str]]:
    """Return (host, address) of every A record: one per host and node, each once."""
    addresses = {node.id: node.address for node in settings.stack.nodes}
    network, dns = settings.network, settings.stack.dns
    pairs = [(network.wallet_host, addresses[node]) for node in dns.wallet]
    pairs += [(network.api_host, addresses[node]) for node in dns.api]
    return list(dict.fromkeys(pairs))
