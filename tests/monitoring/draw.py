"""Draws the dashboards as pictures for the documentation: `make pictures`.

Grafana itself is not needed: the panels, their places, queries, legends, units and thresholds are those of the
rendered JSON, the values those that a real Prometheus gives for six hours of history.
"""
# pyright: reportUnknownMemberType=false
# matplotlib leaves the types of keyword arguments open.

import json
import re
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from settings.offline import offline_settings
from settings.project import ROOT
from tests.helpers.boards import planned_dashboards
from tests.monitoring.history import SPAN, prometheus_with_history

FOLDER = ROOT / "docs/pictures"
GRID = (0.62, 0.34)
"""Inches of one column and of one row of Grafana's grid."""
Line = tuple[str, list[Any], list[float]]
"""Words, moments, values."""
GREY, INK = "#8a8f98", "#24292f"


def shown(value: float, unit: str) -> str:
    """Return a value as Grafana would write it."""
    if unit == "percent":
        return f"{value:.3g} %"
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "bool_yes_no":
        return "yes" if value else "no"
    if unit == "s":
        size, name = next(((s, n) for s, n in ((86400, "d"), (3600, "h"), (60, "min")) if abs(value) >= s), (1, "s"))
        return f"{value / size:.3g} {name}"
    if unit in {"bytes", "Bps"}:
        power = next((p for p in (3, 2, 1) if abs(value) >= 1024**p), 0)
        return f"{value / 1024**power:.3g} {('B', 'KiB', 'MiB', 'GiB')[power]}{'/s' if unit == 'Bps' else ''}"
    return f"{value:.4g}{'/s' if unit == 'cps' else ''}"


def axis_words(unit: str) -> Callable[[float, int], str]:
    """Return what writes the values beside an axis."""
    return lambda value, _: shown(value, unit)


def lines(url: str, begin: float, target: dict[str, Any]) -> list[Line]:
    """Return what a query gives: its words, its moments, its values."""
    asked = {"query": target["expr"], "start": begin, "end": begin + SPAN, "step": 60}
    answer = httpx.post(f"{url}/api/v1/query_range", data=asked).raise_for_status().json()
    found: list[Line] = []
    for line in answer["data"]["result"]:
        metric: dict[str, str] = line["metric"]
        words = re.sub(r"\{\{(\w+)\}\}", lambda match, m=metric: m.get(match[1], ""), target["legendFormat"])
        times = [datetime.fromtimestamp(float(at), UTC) for at, _ in line["values"]]
        found.append((words, times, [float(value) for _, value in line["values"]]))
    return found


def draw_number(axes: Axes, panel: dict[str, Any], values: list[float]) -> None:
    """Draw the newest value, large."""
    unit = panel["fieldConfig"]["defaults"]["unit"]
    axes.set_axis_off()
    axes.text(0.5, 0.42, shown(values[-1], unit), ha="center", va="center", fontsize=19, color="#1f7a3f")


def draw_graph(axes: Axes, panel: dict[str, Any], drawn: Sequence[Line]) -> None:
    """Draw lines, and dashed ones where alerts begin."""
    defaults = panel["fieldConfig"]["defaults"]
    for words, times, values in drawn:
        axes.plot(times, values, linewidth=1.1, label=words)
    top = max(value for _, _, values in drawn for value in values)
    for step in defaults["thresholds"]["steps"]:
        if step["value"] is not None and (step["value"] <= top * 2.5 or len(drawn) == 1):
            axes.axhline(step["value"], color=step["color"], linestyle="--", linewidth=0.9)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0), high if high > low else low + 1)
    if defaults["unit"] == "bool_yes_no":
        axes.set_yticks([0, 1])
    axes.yaxis.set_major_formatter(FuncFormatter(axis_words(defaults["unit"])))
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M"))
    axes.tick_params(labelsize=6, colors=GREY, length=2)
    axes.grid(visible=True, color="#e6e8eb", linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(
        fontsize=5.5,
        loc="upper left",
        bbox_to_anchor=(-0.02, -0.1),
        ncols=8,
        frameon=False,
        labelcolor=INK,
        handlelength=1,
    )


def picture(document: dict[str, Any], url: str, begin: float) -> Figure:
    """Return a picture of one dashboard."""
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in document["panels"]) + 2
    figure = Figure(figsize=(24 * GRID[0], height * GRID[1]), dpi=80)
    figure.text(0.012, 1 - 1.3 / height, document["title"], fontsize=14, color=INK, weight="bold")
    for panel in document["panels"]:
        location = panel["gridPos"]
        left, top = location["x"] / 24, 1 - (location["y"] + 2) / height
        title: str = panel["title"]
        if panel["type"] == "row":
            figure.text(0.012, top - 0.75 / height, title, fontsize=10, color=GREY)
            continue
        drawn = [line for target in panel["targets"] for line in lines(url, begin, target)]
        figure.text(left + 0.012, top - 0.75 / height, title, fontsize=8.5, color=INK)
        box = (
            left + 0.034,
            top - (location["h"] - 1.7) / height,
            location["w"] / 24 - 0.045,
            (location["h"] - 2.9) / height,
        )
        axes = figure.add_axes(box)
        if panel["type"] == "stat":
            draw_number(axes, panel, drawn[0][2])
        else:
            draw_graph(axes, panel, drawn)
    return figure


def main() -> None:
    """Write one picture for each dashboard of mainnet."""
    mpl.use("agg")
    settings = offline_settings("mainnet")
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="gx-pictures-") as folder,
        prometheus_with_history(settings, Path(folder)) as (url, begin),
    ):
        for uid, text in planned_dashboards(settings).items():
            path = FOLDER / f"{uid.removesuffix('-mainnet')}.png"
            picture(json.loads(text), url, begin).savefig(path)
            print(f"wrote {path.relative_to(ROOT)}")  # noqa: T201 what it is run for


if __name__ == "__main__":
    main()
