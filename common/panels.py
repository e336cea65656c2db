"""What a dashboard shows, as typed data: panels that read the very expressions of the alerts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique

from common.alerts import Alert

COLUMNS = 24
"""Width of a Grafana dashboard."""


@unique
class Unit(StrEnum):
    """What a panel's axis counts, in Grafana's words."""

    COUNT = "short"
    PER_SECOND = "cps"
    SECONDS = "s"
    BYTES = "bytes"
    BYTES_PER_SECOND = "Bps"
    PERCENT = "percent"
    SHARE = "percentunit"
    YES_NO = "bool_yes_no"


@dataclass(frozen=True, kw_only=True)
class Query:
    """One expression and the words by which its lines are told apart."""

    expr: str
    legend: str


def one(expr: str, legend: str) -> tuple[Query, ...]:
    """Return the queries of a panel that has one."""
    return (Query(expr=expr, legend=legend),)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture of a dashboard.

    Attributes:
        title: What it shows.
        reading: What a user reads out of it.
        unit: What its axis counts.
        queries: What is drawn.
        alerts: Names of the alerts that evaluate its expressions; their thresholds are drawn as lines.
        width: Columns of 24.
        number: Whether only the newest value is shown, large.
    """

    title: str
    reading: str
    unit: Unit
    queries: tuple[Query, ...]
    alerts: tuple[str, ...] = ()
    width: int = 8
    number: bool = False


@dataclass(frozen=True, kw_only=True)
class Board:
    """One dashboard of one network.

    Attributes:
        key: Stable part of its name and uid.
        title: Its title, without the network.
        rows: Panels by the title of their row.
    """

    key: str
    title: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]

    @property
    def panels(self) -> Iterator[Panel]:
        """Every panel, in the order in which it is numbered."""
        return (panel for _, panels in self.rows for panel in panels)

    def uid(self, network: str) -> str:
        """Return the identity by which Grafana finds it again: links and alerts hold it."""
        return f"gx-{self.key}-{network}"


def number_of(board: Board, panel: Panel) -> int:
    """Return the id of a panel: rows take the ids beyond those of panels."""
    return 1 + list(board.panels).index(panel)


def panel_of(boards: Sequence[Board], alert: Alert) -> tuple[Board, Panel] | None:
    """Return the dashboard and the panel on which a user sees an alert's series."""
    for board in boards:
        for panel in board.panels:
            if alert.name in panel.alerts:
                return board, panel
    return None
