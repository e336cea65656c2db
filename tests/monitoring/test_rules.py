"""The rule file of every network in the real promtool."""

import subprocess
from pathlib import Path

import pytest
import yaml

from gx.plan.model import Plan
from tests.conftest import tool
from tests.helpers.mutate import find

SCRAPED = 'app="svc-messaging",kubernetes_namespace="backend-mainnet"'
MINIO = 'app="minio",kubernetes_namespace="backend-mainnet"'
JOB = 'namespace="backend-mainnet",cronjob="minio-backup"'
CASES: list[tuple[str, str, dict[str, str], bool]] = [
    ("MessagingServiceDown", "5m", {f"up{{{SCRAPED}}}": "0x10"}, True),
    ("MessagingServiceDown", "5m", {f"up{{{SCRAPED}}}": "1x10"}, False),
    ("MessagingServiceDown", "5m", {'up{app="svc-messaging",kubernetes_namespace="backend-testnet"}': "1x10"}, True),
    (
        "MessagingHighErrorRate",
        "15m",
        {
            f'http_http_requests_total{{{SCRAPED},status="500"}}': "0+6x20",
            f'http_http_requests_total{{{SCRAPED},status="200"}}': "0+94x20",
        },
        True,
    ),
    (
        "MessagingHighErrorRate",
        "15m",
        {
            f'http_http_requests_total{{{SCRAPED},status="500"}}': "0+4x20",
            f'http_http_requests_total{{{SCRAPED},status="200"}}': "0+96x20",
        },
        False,
    ),
    ("MessagingNoActivity", "65m", {f'http_http_requests_total{{{SCRAPED},route="/health"}}': "0+1x70"}, True),
    ("MessagingNoActivity", "65m", {f'http_http_requests_total{{{SCRAPED},route="/api"}}': "0+1x70"}, False),
    ("MinIOServiceDown", "5m", {f"up{{{MINIO}}}": "0x10"}, True),
    (
        "MinIOBackupFailed",
        "8h",
        {f"kube_cronjob_created{{{JOB}}}": "0x600"},
        True,  # it never succeeded
    ),
    (
        "MinIOBackupFailed",
        "8h",
        {f"kube_cronjob_created{{{JOB}}}": "0x600", f"kube_cronjob_status_last_successful_time{{{JOB}}}": "21600x600"},
        False,
    ),
    (
        "MinIOStorageNearlyFull",
        "20m",
        {
            f"minio_cluster_capacity_usable_free_bytes{{{MINIO}}}": "19x30",
            f"minio_cluster_capacity_usable_total_bytes{{{MINIO}}}": "100x30",
        },
        True,
    ),
    (
        "MinIOStorageNearlyFull",
        "20m",
        {
            f"minio_cluster_capacity_usable_free_bytes{{{MINIO}}}": "21x30",
            f"minio_cluster_capacity_usable_total_bytes{{{MINIO}}}": "100x30",
        },
        False,
    ),
]


@pytest.fixture
def promtool() -> str:
    """Return the path of promtool."""
    return tool("promtool", "prometheus")


def write_rules(plan: Plan, folder: Path) -> Path:
    """Write the rule file that the Plan mounts."""
    config = find(plan, "ConfigMap", f"prometheus-messaging-alerts-{plan.network}")
    path = folder / "rules.yml"
    path.write_text(config.inputs["data"]["messaging-alerts.yml"])
    return path


def test_promtool_accepts_the_rules(plan: Plan, promtool: str, tmp_path: Path) -> None:
    command = [promtool, "check", "rules", str(write_rules(plan, tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "16 rules found" in done.stdout


def test_alerts_fire_and_stay_quiet(mainnet: Plan, promtool: str, tmp_path: Path) -> None:
    rules = write_rules(mainnet, tmp_path)
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": series, "values": values} for series, values in data.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)',
                    "eval_time": at,
                    "exp_samples": [{"labels": "{}", "value": 1 if fires else 0}],
                }
            ],
        }
        for alert, at, data, fires in CASES
    ]
    file = tmp_path / "tests.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": "30s", "tests": tests}))
    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
