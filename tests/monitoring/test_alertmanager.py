"""The configuration that is handed over for Alertmanager: where an alert goes, and what it silences."""

import subprocess

import pytest
import yaml

from settings.monitoring.rules import alerts, rule_file
from settings.offline import offline_settings
from settings.project import ROOT
from tests.conftest import tool

CONFIG = ROOT / "settings/monitoring/alertmanager.yml"


def receiver(**labels: str) -> str:
    """Return whom an alert with these labels reaches, by amtool."""
    tool("amtool", "prometheus-alertmanager")
    command = ["amtool", "config", "routes", "test", f"--config.file={CONFIG}"]
    asked = [f"{name}={value}" for name, value in labels.items()]
    return subprocess.run([*command, *asked], capture_output=True, text=True, check=True).stdout.strip()


def test_the_file_is_one_that_alertmanager_takes() -> None:
    tool("amtool", "prometheus-alertmanager")
    subprocess.run(["amtool", "check-config", str(CONFIG)], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("network", "severity", "expected"),
    [
        ("mainnet", "critical", "page"),
        ("mainnet", "warning", "day"),
        ("mainnet", "info", "nobody"),
        ("testnet", "critical", "day"),
        ("testnet", "warning", "day"),
        ("devnet", "critical", "day"),
        ("devnet", "warning", "day"),
        ("devnet", "info", "nobody"),
    ],
)
def test_an_alert_reaches_whom_it_should(network: str, severity: str, expected: str) -> None:
    assert receiver(alertname="MinIOServiceDown", network=network, severity=severity, service="minio") == expected


def test_only_mainnets_watchdog_is_waited_for() -> None:
    assert receiver(alertname="AlertingWatchdog", network="mainnet", severity="info") == "watchdog"
    assert receiver(alertname="AlertingWatchdog", network="devnet", severity="info") == "nobody"


def test_what_is_silenced_are_alerts_of_ours() -> None:
    names = {alert.name for alert in alerts(offline_settings("mainnet"))}
    for rule in yaml.safe_load(CONFIG.read_text())["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            if matcher.startswith("alertname"):
                assert set(matcher.split('"')[1].split("|")) <= names


def test_a_warning_carries_the_signal_of_its_critical_alert() -> None:
    rules = {
        rule["alert"]: rule["labels"]
        for group in rule_file(offline_settings("mainnet"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    for alert in alerts(offline_settings("mainnet")):
        if alert.warns_before:
            assert rules[alert.name]["signal"] == rules[alert.warns_before]["signal"] == alert.warns_before
            assert rules[alert.warns_before]["severity"] == "critical"


def test_no_receiver_holds_an_address() -> None:
    assert "://" not in CONFIG.read_text(), "addresses of receivers are secrets: they come from files"
