"""What a DNS record of the program looks like."""

AUTOMATIC_TTL = 1
"""What Cloudflare requires of a proxied record."""
TRAFFIC_TYPES = frozenset({"A", "AAAA", "CNAME", "HTTPS", "NS", "SVCB"})
"""Types of records that lead users somewhere. Mail, certificates and proofs of ownership live beside ours untouched."""


def owner_comment(network: str) -> str:
    """Return the comment that marks a record as a network's own."""
    return f"managed by gx-infra, {network}"
