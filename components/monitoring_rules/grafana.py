"""Dashboards as Grafana reads them, built with Grafana's own library."""

import json
from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models

from common.alerts import Alert, AlertSeverity
from common.panels import Board, Panel, Query, number_of

HEIGHT = 8
SOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
COLORS = {AlertSeverity.CRITICAL: "red", AlertSeverity.WARNING: "orange", AlertSeverity.INFO: "blue"}


def dashboards(boards: Sequence[Board], alerts: Sequence[Alert], network: str) -> dict[str, str]:
    """Return the JSON of every dashboard by its uid.

    Args:
        boards: What they show.
        alerts: The alerts whose thresholds are drawn.
        network: Whose they are.
    """
    by_name = {alert.name: alert for alert in alerts}
    return {board.uid(network): _json(board, network, by_name) for board in boards}


def _json(board: Board, network: str, by_name: dict[str, Alert]) -> str:
    built = (
        builders.Dashboard(f"{board.title} · {network}")
        .uid(board.uid(network))
        .tags(["gx-infra", network])
        .readonly()
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .link(_others(network))
    )
    first_row = 1 + len(list(board.panels))
    for row, (title, panels) in enumerate(board.rows, first_row):
        built.with_row(builders.Row(title).id(row))
        for panel in panels:
            evaluated = [by_name[name] for name in panel.alerts if name in by_name]
            draw = _number if panel.number else _graph
            built.with_panel(draw(panel, evaluated).id(number_of(board, panel)))
    document: dict[str, Any] = json.loads(json.dumps(built.build(), cls=JSONEncoder))
    for variable in document["templating"]["list"]:
        for field in ("auto", "auto_count", "auto_min"):  # an interval's: Grafana's schema has no such field elsewhere
            variable.pop(field, None)
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _others(network: str) -> builders.DashboardLink:
    kind = models.DashboardLinkType.DASHBOARDS
    return (
        builders.DashboardLink("other dashboards").type(kind).tags(["gx-infra", network]).as_dropdown(as_dropdown=True)
    )


def _graph(panel: Panel, evaluated: list[Alert]) -> timeseries.Panel:
    mode = common.GraphThresholdsStyleMode.DASHED if _limits(evaluated) else common.GraphThresholdsStyleMode.OFF
    built = (
        timeseries.Panel()
        .title(panel.title)
        .description(_description(panel, evaluated))
        .datasource(SOURCE)
        .unit(panel.unit)
        .height(HEIGHT)
        .span(panel.width)
        .fill_opacity(10)
        .thresholds(_thresholds(evaluated))
        .thresholds_style(common_builders.GraphThresholdsStyleConfig().mode(mode))
        .legend(
            common_builders.VizLegendOptions()
            .show_legend(show_legend=True)
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
        )
    )
    for name, query in zip(ascii_uppercase, panel.queries, strict=False):
        built.with_target(_target(name, query))
    return built


def _number(panel: Panel, evaluated: list[Alert]) -> stat.Panel:
    built = (
        stat.Panel()
        .title(panel.title)
        .description(_description(panel, evaluated))
        .datasource(SOURCE)
        .unit(panel.unit)
        .height(HEIGHT // 2)
        .span(panel.width)
        .thresholds(_thresholds(evaluated))
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    for name, query in zip(ascii_uppercase, panel.queries, strict=False):
        built.with_target(_target(name, query))
    return built


def _target(name: str, query: Query) -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id(name).expr(query.expr).legend_format(query.legend).range()


def _limits(evaluated: list[Alert]) -> list[tuple[float, str, bool]]:
    """Return the numbers that alerts compare with what is drawn: number, colour, whether below it is bad."""
    return [
        (alert.threshold.value, COLORS[alert.severity], alert.threshold.below)
        for alert in evaluated
        if alert.threshold is not None
    ]


def _thresholds(evaluated: list[Alert]) -> builders.ThresholdsConfig:
    """Return the steps of colour, from the lowest value up."""
    limits = sorted(_limits(evaluated))
    below = any(is_below for _, _, is_below in limits)
    colors = [color for _, color, _ in limits]
    colors = [*colors, "green"] if below else ["green", *colors]
    values: list[float | None] = [None, *(value for value, _, _ in limits)]
    steps = [models.Threshold(value=value, color=color) for value, color in zip(values, colors, strict=True)]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _description(panel: Panel, evaluated: list[Alert]) -> str:
    pages = [f"{alert.name}: {alert.runbook}" for alert in evaluated]
    return "\n\n".join([panel.reading, *pages])
