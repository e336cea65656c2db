"""The dashboards of a network, and where on them a user sees an alert's series."""

from common.panels import Board
from settings.monitoring.board_messaging import messaging_board
from settings.monitoring.board_platform import edge_board, platform_board
from settings.monitoring.board_storage import storage_board
from settings.settings import Settings


def boards(settings: Settings) -> tuple[Board, ...]:
    """Return the dashboards of a network; only the network with the edge has the edge's."""
    edge = (edge_board(settings),) if settings.stack.edge.enabled else ()
    return (messaging_board(settings), storage_board(settings), platform_board(settings), *edge)
