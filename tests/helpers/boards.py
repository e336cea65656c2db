"""The dashboards as the program plans them."""

from components.monitoring_rules import dashboards
from settings.monitoring.boards import boards
from settings.monitoring.rules import alerts
from settings.settings import Settings


def planned_dashboards(settings: Settings) -> dict[str, str]:
    """Return the JSON of every dashboard of a network by its uid."""
    return dashboards(boards(settings), alerts(settings), settings.network.name)
