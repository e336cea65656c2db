"""What is wrong with a rule is named before any Prometheus sees it: every kind of mistake, planted."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.alerts import Alert, AlertSeverity, Group, Threshold
from common.errors import InputError
from settings.monitoring.lint import metric_names, problems
from settings.monitoring.metrics import METRICS
from settings.monitoring.rules import alerts, groups
from settings.monitoring.targets import LABELS
from settings.offline import offline_settings
from tests.helpers.stack import edit

USUAL = Alert(
    name="Planted",
    expr='up{app="minio"} == 0',
    seconds=60,
    severity=AlertSeverity.WARNING,
    summary="planted",
    description="planted",
)


def found(*planted: Alert) -> list[str]:
    return list(
        problems([Group(name="g", interval=30, service="s", alerts=planted, recordings={})], LABELS["config-map"])
    )


def test_the_real_rules_are_clean() -> None:
    for network in ("devnet", "testnet", "mainnet"):
        assert list(problems(groups(offline_settings(network)), LABELS["config-map"])) == []
    assert found(USUAL) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"expr": 'upp{app="minio"} == 0'}, "nothing exports upp"),
        ({"expr": 'up{ap="minio"} == 0'}, "up has no label ap, so nothing matches"),
        ({"expr": 'outbox_queue_depth{app="x"} > 1'}, "outbox_queue_depth has no label app"),
        ({"expr": 'up{app="minio"}'}, "compares nothing, so any sample would raise it"),
        ({"expr": 'up{app="minio"} == '}, "is no PromQL ("),
        ({"expr": 'max(sum by (ap) (up{app="minio", instance="}"} > 0)) by (ap) and upp'}, "nothing exports upp"),
        ({"seconds": 20}, "speaks after 20 s, less than two scrapes"),
        ({"expr": "rate(outbox_queue_depth[5m]) > 1"}, "rate() over outbox_queue_depth, which is no counter"),
        (
            {"expr": 'up{app="a"} == 0 and absent(up{app="b"})'},
            "shares no labels with its other side, so it is never true",
        ),
        (
            {"expr": 'up{app="minio"} == 0 or absent(up{app="minio"})'},
            "absent() is silent while one of several is left",
        ),
        ({"expr": "time() - max(gx_backup_proven_timestamp_seconds) > 1"}, "an age without a beginning"),
        ({"expr": "max(kube_job_failed) > 0"}, "a state that nobody resets"),
        ({"expr": 'kube_node_status_condition{node=~""} == 0'}, "with an empty node: nothing matches"),
        ({"expr": 'up{app=""} == 0'}, "with an empty app: nothing matches"),
        ({"expr": 'up{job="minio",namespace="x"} == 0'}, "up has no label namespace, so nothing matches"),
        ({"warns_before": "Nothing"}, "there is no Nothing that it could warn before"),
        (
            {"threshold": Threshold(value=200, unit="%", low=1, high=100)},
            "200 % lies outside 1 to 100",
        ),
    ],
)
def test_a_mistake_is_named(change: dict[str, Any], line: str) -> None:
    assert any(line in problem for problem in found(replace(USUAL, **change))), found(replace(USUAL, **change))


def test_a_name_used_twice_is_named() -> None:
    assert found(USUAL, USUAL) == ["Planted: the name stands 2 times"]


@pytest.mark.parametrize("below", [False, True])
def test_a_warning_after_its_critical_is_named(below: bool) -> None:
    limit = Threshold(value=10, unit="", low=0, high=100, below=below)
    worse = replace(USUAL, name="Worse", threshold=replace(limit, value=20 if below else 5))
    warning = replace(USUAL, threshold=limit, warns_before="Worse")
    assert any("warns at 10, not before Worse" in problem for problem in found(warning, worse))


def test_names_of_series_are_read_out_of_an_expression() -> None:
    expr = 'sum by (le) (rate(a_total{x="b_total"}[5m])) / on (c) d or vector(0) > 1 and absent(e{f="g"})'
    assert metric_names(expr) == {"a_total", "d", "e"}


def test_every_alert_reads_only_what_somebody_exports() -> None:
    recorded = {name for group in groups(offline_settings("mainnet")) for name in group.recordings}
    for alert in alerts(offline_settings("mainnet")):
        assert metric_names(alert.query) <= {*METRICS, *recorded}, alert.name


SETTINGS = [
    ({"alerts": {"MessagingHighErrorRate": {"threshold": 150}}}, ["MessagingHighErrorRate", "lies outside 0.1 to 100"]),
    (
        {"alerts": {"MessagingHighErrorRate": {"threshold": 30}}},
        ["MessagingHighErrorRate", "warns at 30, not before MessagingCriticalErrorRate at 20"],
    ),
    ({"alerts": {"MinIOServiceDown": {"for": 20}}}, ["MinIOServiceDown", "less than two scrapes"]),
    ({"alerts": {"MinIOServiceDown": {"severity": "page"}}}, ["alerts.MinIOServiceDown.severity = 'page'"]),
    ({"alerts": {"MinIODown": {"for": 60}}}, ["monitoring.alerts.MinIODown", "there is no such alert"]),
    ({"alerts": {"MinIOServiceDown": {"threshold": 1}}}, ["MinIOServiceDown.threshold", "nothing that could be set"]),
    ({"socketsMetric": "socket_io_conected"}, ["monitoring.socketsMetric = 'socket_io_conected'", "nothing exports"]),
    ({"socketsMetric": "up{"}, ["monitoring.socketsMetric = 'up{'"]),
    ({"delivery": "file"}, ["monitoring.delivery = 'file'"]),
]


@pytest.mark.parametrize(("monitoring", "expected"), SETTINGS)
def test_a_mistake_in_the_settings_gets_one_line(
    project: Path, monitoring: dict[str, Any], expected: list[str]
) -> None:
    edit(project, "mainnet", lambda config: config.update(monitoring=monitoring))
    with pytest.raises(InputError) as caught:
        offline_settings("mainnet", project)
    line = str(caught.value)
    assert line.startswith("Pulumi.mainnet.yaml: ")
    assert "\n" not in line
    for part in expected:
        assert part in line, line


def test_a_network_may_say_something_else(project: Path) -> None:
    wanted = {"alerts": {"MessagingHighErrorRate": {"threshold": 3, "for": 600, "severity": "info"}}}
    edit(project, "mainnet", lambda config: config.update(monitoring=wanted))
    alert = next(a for a in alerts(offline_settings("mainnet", project)) if a.name == "MessagingHighErrorRate")
    assert alert.query.endswith("> 3")
    assert (alert.seconds, alert.severity) == (600, AlertSeverity.INFO)
