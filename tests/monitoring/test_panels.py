"""Every panel's query on a real Prometheus that holds six hours of a network's life."""

from collections.abc import Iterator

import httpx
import pytest

from common.panels import Panel
from settings.monitoring.boards import boards
from settings.offline import offline_settings
from settings.settings import Settings
from tests.monitoring.history import BEGIN, END, HOURS, SPAN, prometheus_with_history

SETTINGS = offline_settings("mainnet")
PANELS = {f"{board.key}: {panel.title}": panel for board in boards(SETTINGS) for panel in board.panels}


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, float]]:
    with prometheus_with_history(SETTINGS, tmp_path_factory.mktemp("history")) as found:
        yield found


def drawn(past: tuple[str, float], expr: str) -> list[list[tuple[float, float]]]:
    """Return the lines that a query gives over the six hours, as seconds and values."""
    url, begin = past
    asked = {"query": expr, "start": begin, "end": begin + SPAN, "step": 60}
    answer = httpx.post(f"{url}/api/v1/query_range", data=asked).json()
    assert answer["status"] == "success", answer
    return [[(at - begin, float(value)) for at, value in line["values"]] for line in answer["data"]["result"]]


def line(past: tuple[str, float], panel: Panel) -> dict[float, float]:
    return dict(drawn(past, panel.queries[0].expr)[0])


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_shows_something(past: tuple[str, float], name: str) -> None:
    for query in PANELS[name].queries:
        lines = drawn(past, query.expr)
        assert lines, f"{query.expr} gives nothing"
        assert max(len(one) for one in lines) > HOURS * 60 / 2


def test_the_incident_is_seen_where_it_should_be(past: tuple[str, float]) -> None:
    middle = (BEGIN + END) // 2 // 60 * 60
    minio = line(past, PANELS["storage: MinIO answers"])
    assert (minio[middle], minio[BEGIN - 600]) == (0, 1)
    failed = line(past, PANELS["messaging: Failed requests"])
    assert failed[middle] > 20 > failed[BEGIN - 600], "above the critical threshold during the incident alone"


def test_settings_of_another_network_show_nothing_of_this_one(past: tuple[str, float]) -> None:
    other: Settings = offline_settings("testnet")
    for board in boards(other):
        for panel in board.panels:
            if panel.title not in {"Alerting itself", "Alerts that fire"}:
                assert not any(drawn(past, query.expr) for query in panel.queries), panel.title
