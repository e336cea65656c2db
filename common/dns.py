"""What a DNS record of the program looks like."""

AUTOMATIC_TTL = 1
"""What Cloudflare requires of a proxied record."""


def owner_comment(network: str) -> str:
    """Return the comment that marks a record as a network's own."""
    return f"managed by gx-infra, {network}"
