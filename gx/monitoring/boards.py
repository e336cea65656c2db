"""The dashboards of a network, and where on them a person sees an alert's series."""

from gx.monitoring.board_messaging import messaging_board
from gx.monitoring.board_platform import edge_board, platform_board
from gx.monitoring.board_storage import storage_board
from gx.monitoring.panels import Board
from gx.settings.settings import Settings


def boards(settings: Settings) -> tuple[Board, ...]:
    """Return the dashboards of a network; only the network with the edge has the edge's."""
    edge = (edge_board(settings),) if settings.stack.edge.enabled else ()
    return (messaging_board(settings), storage_board(settings), platform_board(settings), *edge)
