"""Every rule in the real promtool: raised, quiet just below, ended again, and what a missing series means."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.alerts import Alert
from common.plan import Plan
from gx.plan.record import record
from settings.monitoring.rules import alerts, rule_file
from settings.offline import offline_settings
from settings.settings import Settings
from tests.conftest import tool
from tests.helpers.mutate import find
from tests.helpers.stack import copy_project, edit, put
from tests.monitoring.cases import (
    ALONE,
    BACKUP,
    CASES,
    CRON,
    EDGE,
    HOUR,
    NAMESPACE,
    OTHER_EDGES,
    Case,
    as_operator,
)

OFFSITE = {"endpoint": "https://s3.example.com", "bucket": "gx-copies", "schedule": "40 1 * * *"}
AFTER = 60
"""Minutes after which a fixed thing must be quiet again: the longest look back, and whoever keeps speaking."""


@cache
def everything(root: Path, delivery: str) -> Settings:
    """Return mainnet with every part on, so that every alert exists."""
    edit(root, "mainnet", lambda config: config["backup"].update(offsite=OFFSITE))
    edit(root, "mainnet", lambda config: config.update(monitoring={"delivery": delivery}))
    return offline_settings("mainnet", root)


@pytest.fixture(scope="module", params=["config-map", "prometheus-rule"])
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return everything(copy_project(tmp_path_factory.mktemp("project") / "mainnet"), request.param)


@dataclass(frozen=True)
class Rules:
    """A rule file, and the way in which it is delivered."""

    path: Path
    operator: bool


@pytest.fixture(scope="module")
def rules(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Rules:
    tool("promtool", "prometheus")
    path = tmp_path_factory.mktemp("rules") / "rules.yml"
    path.write_text(yaml.safe_dump(rule_file(settings)))
    return Rules(path, settings.stack.monitoring.delivery == "prometheus-rule")


def values(case: Case, state: str, minutes: int) -> dict[str, list[float]]:
    """Return samples by series: bad or good up to a time, then good for a while where it is fixed."""
    found: dict[str, list[float]] = {}
    for series in case.series:
        first = series.bad if state in {"bad", "fixed"} else series.good
        samples: list[float] = []
        total = 0.0
        last = minutes + (AFTER + _longest(case) if state == "fixed" else 0)
        for minute in range(0, last + 1, case.step):
            later = case.fixed.get(series.name, series.good)
            now = first if minute <= minutes else later
            total += now * case.step
            samples.append(total if series.kind == "counter" else now)
        found[series.name] = samples
    return found


def _longest(case: Case) -> int:
    """A look back over days needs days to forget."""
    return 7 * HOUR if case.minutes > 24 * HOUR or case.minutes == 100 else 0


def firing(rules: Rules, name: str, series: Mapping[str, list[float]], minute: int, step: int) -> bool:
    """Return whether an alert fires at a minute, by promtool."""
    expression = f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)'

    asked = {
        "expr": f"clamp_max({expression}, 1)",
        "eval_time": f"{minute}m",
        "exp_samples": [{"labels": "{}", "value": 1}],
    }
    samples = [
        {
            "series": as_operator(one) if rules.operator else one,
            "values": " ".join(f"{sample:.15g}" for sample in found),
        }
        for one, found in series.items()
    ]
    test = {"interval": f"{step}m", "input_series": samples, "promql_expr_test": [asked]}
    path = rules.path.parent / "test.yml"
    path.write_text(
        yaml.safe_dump({"rule_files": [str(rules.path)], "evaluation_interval": f"{step}m", "tests": [test]})
    )
    done = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "got:" in done.stderr, done.stdout + done.stderr
    return done.returncode == 0


def round_up(minute: int, step: int) -> int:
    return -(-minute // step) * step


@pytest.mark.parametrize("name", CASES)
def test_it_speaks_when_it_must_and_is_quiet_otherwise(rules: Rules, name: str) -> None:
    case = CASES[name]
    end = round_up(case.minutes, case.step)
    assert firing(rules, name, values(case, "bad", end), end, case.step), "it must speak"
    assert not firing(rules, name, values(case, "good", end), end, case.step), "just below it must be quiet"
    fixed = round_up(end + AFTER + _longest(case), case.step)
    assert not firing(rules, name, values(case, "fixed", end), fixed, case.step), "it must end"
    assert firing(rules, name, {}, end, case.step) == (case.absent == "speaks"), "without any series"


@pytest.mark.parametrize(
    "name", sorted(set(CASES) - {"MessagingErrorBudgetBurnsFast", "MessagingErrorBudgetBurnsSlowly"})
)
def test_it_waits_as_long_as_it_says(rules: Rules, settings: Settings, name: str) -> None:
    """One evaluation after the first bad sample it is at most pending."""
    alert = next(alert for alert in alerts(settings) if alert.name == name)
    case = CASES[name]
    assert alert.seconds >= 60
    assert not firing(rules, name, values(case, "bad", case.step), 0, case.step)


def test_the_watchdog_always_speaks(rules: Rules) -> None:
    assert firing(rules, "AlertingWatchdog", {}, 1, 1)


def test_a_cron_job_that_is_gone_is_missed_and_one_that_is_there_is_not(rules: Rules) -> None:
    namespace = {f'kube_namespace_created{{namespace="{NAMESPACE}"}}': [1.0] * 30}
    there = {f"kube_cronjob_info{{{CRON}}}": [1.0] * 30}
    assert firing(rules, "MinIOBackupMissing", namespace, 20, 1)
    assert not firing(rules, "MinIOBackupMissing", {**namespace, **there}, 20, 1)
    gone = {f"kube_cronjob_info{{{CRON}}}": [1.0] * 8}
    assert firing(rules, "MinIOBackupMissing", {**namespace, **gone}, 29, 1)
    assert not firing(rules, "MinIOBackupMissing", {}, 20, 1), "no namespace, no backup"


def test_one_of_three_nodes_that_is_not_known_any_more_is_missed(rules: Rules) -> None:
    """Of `absent` alone it would not: two others are left."""
    all_three = {f"up{{{edge}}}": [1.0] * 60 for edge in (EDGE, *OTHER_EDGES)}
    assert not firing(rules, "EdgeNodeDown", all_three, 59, 1)
    assert firing(rules, "EdgeNodeDown", {**all_three, f"up{{{EDGE}}}": [1.0] * 10}, 59, 1)


def test_a_copy_that_never_succeeded_is_behind(rules: Rules) -> None:
    cron_job = f'namespace="{NAMESPACE}",cronjob="minio-offsite"'
    created = {f"kube_cronjob_created{{{cron_job}}}": [0.0] * 400}
    assert not firing(rules, "MinIOOffsiteCopyBehind", created, 25 * HOUR, 5)
    assert firing(rules, "MinIOOffsiteCopyBehind", created, 27 * HOUR, 5)
    proven = f'gx_backup_proven_timestamp_seconds{{{BACKUP},run="offsite"}}'
    assert firing(rules, "MinIOOffsiteCopyBehind", {**created, proven: [0.0] * 400}, 27 * HOUR, 5)
    assert not firing(rules, "MinIOOffsiteCopyBehind", {**created, proven: [26.0 * 3600] * 400}, 27 * HOUR, 5)


@pytest.mark.parametrize("name", ["minio-offsite", "minio-restore-drill"])
def test_a_copy_or_a_drill_that_is_paused_for_a_day_is_said(rules: Rules, name: str) -> None:
    paused = {f'kube_cronjob_spec_suspend{{namespace="{NAMESPACE}",cronjob="{name}"}}': [1.0] * 400}
    assert firing(rules, "MinIOBackupSuspended", paused, 25 * HOUR, 5)


def test_a_failed_job_that_is_kept_ends_with_the_next_good_run(rules: Rules) -> None:
    job = f'namespace="{NAMESPACE}",job_name="minio-backup-1"'
    samples = 48 * HOUR // 5
    failed = {f"kube_job_failed{{{job}}}": [1.0] * samples, f"kube_job_created{{{job}}}": [6.0 * 3600] * samples}
    last = f"kube_cronjob_status_last_successful_time{{{CRON}}}"
    assert firing(rules, "MinIOBackupFailed", failed, 47 * HOUR, 5)
    assert firing(rules, "MinIOBackupFailed", {**failed, last: [0.0] * samples}, 47 * HOUR, 5)
    assert not firing(rules, "MinIOBackupFailed", {**failed, last: [12.0 * 3600] * samples}, 47 * HOUR, 5)


def test_where_the_network_s_nodes_are_not_known_any_node_counts(project: Path) -> None:
    edit(project, "mainnet", put("scheduling/nodeSelector", {"node-role": "elsewhere"}))
    (rule,) = (
        rule
        for group in rule_file(offline_settings("mainnet", project))["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "NodeNotReady"
    )
    assert 'node=~".+"' in rule["expr"]


def test_a_backup_that_never_succeeded_is_stale(rules: Rules) -> None:
    never = {f"kube_cronjob_created{{{CRON}}}": [0.0] * 100}
    assert firing(rules, "MinIOBackupStale", never, 99 * 5, 5)
    zero = {**never, f"kube_cronjob_status_last_successful_time{{{CRON}}}": [0.0] * 100}
    assert firing(rules, "MinIOBackupStale", zero, 99 * 5, 5)


def test_another_networks_service_does_not_hide_a_dead_one(rules: Rules) -> None:
    other = {'up{app="svc-messaging",kubernetes_namespace="backend-testnet"}': [1.0] * 10}
    assert firing(rules, "MessagingServiceDown", other, 8, 1)


def test_every_alert_has_a_test(settings: Settings) -> None:
    assert {alert.name for alert in alerts(settings)} == set(CASES) | ALONE


SIXTEEN = {
    "MessagingServiceDown": (60, "critical"),
    "MessagingHighErrorRate": (180, "warning"),
    "MessagingCriticalErrorRate": (60, "critical"),
    "MessagingSlowResponseTime": (300, "warning"),
    "MessagingVerySlowResponseTime": (120, "critical"),
    "MessagingWebSocketConnectionsHigh": (300, "warning"),
    "MessagingRedisDisconnected": (60, "critical"),
    "MessagingS3UploadFailures": (180, "warning"),
    "MessagingPodRestartLoop": (300, "warning"),
    "MessagingHighMemoryUsage": (300, "warning"),
    "MessagingHighCPUUsage": (300, "warning"),
    "MessagingNoActivity": (1800, "info"),
    "MinIOServiceDown": (120, "critical"),
    "MinIOBackupFailed": (60, "warning"),
    "MinIOStorageNearlyFull": (600, "warning"),
    "MinIOStorageCriticallyFull": (300, "critical"),
}


def test_the_sixteen_of_production_keep_name_wait_and_severity() -> None:
    found: dict[str, Alert] = {alert.name: alert for alert in alerts(offline_settings("mainnet"))}
    for name, (seconds, severity) in SIXTEEN.items():
        assert (found[name].seconds, found[name].severity.value) == (seconds, severity), name


def test_the_rule_file_of_every_network_is_what_the_plan_holds(plan: Plan, tmp_path: Path) -> None:
    tool("promtool", "prometheus")
    config_map = find(plan, "ConfigMap", f"prometheus-messaging-alerts-{plan.network}")
    text: str = config_map.inputs["data"]["messaging-alerts.yml"]
    (tmp_path / "rules.yml").write_text(text)
    subprocess.run(
        ["promtool", "check", "rules", "--lint=all", "--lint-fatal", str(tmp_path / "rules.yml")], check=True
    )
    document: dict[str, Any] = yaml.safe_load(text)
    for group in document["groups"]:
        for rule in group["rules"]:
            own = f"backend-{plan.network}" in rule["expr"] or f"gx-edge-{plan.network}" in rule["expr"]
            assert own or rule.get("alert") in {"AlertingWatchdog", "NodeNotReady"}, rule


def test_the_operator_gets_the_same_rules(project: Path) -> None:
    edit(project, "mainnet", lambda config: config.update(monitoring={"delivery": "prometheus-rule"}))
    plan = record("mainnet", root=project)
    found = find(plan, "PrometheusRule", "prometheus-messaging-alerts-mainnet")
    assert found.spec == rule_file(offline_settings("mainnet", project))
    assert found.metadata["labels"]["release"] == "prometheus", "the operator ignores rules without it"
    assert not [c for c in plan.of_kind("ConfigMap") if "alerts" in c.object_name]
