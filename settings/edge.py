"""Who may connect to the nodes' public ports."""

from common.cloudflare_ranges import CLOUDFLARE_RANGES
from settings.settings import Settings


def allowed_sources(settings: Settings) -> list[str]:
    """Return who may connect: Cloudflare, and who verifies from outside."""
    edge = settings.stack.edge
    return sorted({*(edge.ranges or CLOUDFLARE_RANGES), *edge.allow_from})
