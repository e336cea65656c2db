"""One page per alert, and every command in it about something that the Plan has."""

import itertools
import re
from pathlib import Path

import pytest
from typer.main import get_command

from common.alerts import RUNBOOKS
from common.plan import Plan
from common.pods import pods
from gx.cli.main import app
from rules.reachability.world import endpoints
from settings.monitoring.rules import alerts
from settings.offline import offline_settings
from settings.project import ROOT
from tests.monitoring.cases import ALONE, CASES

PAGES = sorted((ROOT / RUNBOOKS).glob("*.md"))
PARTS = ("**What users notice.**", "**How to see it.**", "**How to fix it.**", "**Escalation.**")
FOREIGN = {"monitoring", "ingress-nginx"}
"""Namespaces whose objects are not ours: only the namespace is checked there, and what we put into it."""


def test_every_alert_has_its_page_and_no_page_is_left_over() -> None:
    assert {page.stem for page in PAGES} == set(CASES) | ALONE
    for alert in alerts(offline_settings("mainnet")):
        assert (ROOT / alert.runbook).is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_every_part_and_three_commands(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n")
    positions = [text.index(part) for part in PARTS]
    assert positions == sorted(positions)
    assert len(re.findall(r"^\$ ", text, re.MULTILINE)) == 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_are_about_what_exists(mainnet: Plan, page: Path) -> None:
    for command in re.findall(r"^\$ (.+)$", page.read_text(), re.MULTILINE):
        problem = _problem(mainnet, command)
        assert not problem, f"{command}: {problem}"


def test_the_test_notices_what_does_not_exist(mainnet: Plan) -> None:
    assert _problem(mainnet, "kubectl -n backend-devnet get pods")
    assert _problem(mainnet, "kubectl -n backend-mainnet get deployment/svc-mail")
    assert _problem(mainnet, "kubectl -n backend-mainnet get pods -l app=svc-mail")
    assert _problem(mainnet, "gx backup mainnet")
    assert _problem(mainnet, "gx reach mainnet --from svc-mail")
    assert _problem(mainnet, "rm -rf /")


def _problem(plan: Plan, command: str) -> str:
    words = command.split()
    if words[0] == "gx":
        return _gx(plan, words)
    if words[:2] != ["kubectl", "-n"]:
        return "no command of ours"
    namespaces = {plan.namespace, *(r.object_name for r in plan.of_kind("Namespace"))}
    if words[2] not in namespaces | FOREIGN:
        return f"no namespace {words[2]}"
    objects = {f"{r.kind.lower()}/{r.object_name}" for r in plan.objects if r.namespace == words[2]}
    for word in words:
        if re.fullmatch(r"[a-z]+/[\w.-]+", word) and word not in objects:
            return f"no {word}"
    labels = {label for pod in pods(plan) if pod.owner.namespace == words[2] for label in pod.labels.items()}
    labels |= {label for external in plan.external_workloads for label in external.labels.items()}
    for text in re.findall(r"-l (\S+)", command):
        if tuple(text.split("=")) not in labels:
            return f"no pod has {text}"
    return ""


def _gx(plan: Plan, words: list[str]) -> str:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    if words[1] not in commands:
        return f"gx has no {words[1]}"
    names = {endpoint.name for endpoint in endpoints(plan)}
    for option, value in itertools.pairwise(words):
        if option in {"--from", "--to"} and value not in names:
            return f"nothing is called {value}"
    return ""
