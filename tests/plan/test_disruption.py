"""Drains: several pods keep serving, and no budget holds a drain up."""

from collections.abc import Callable
from typing import Any

import pytest

from common.plan import Plan
from rules.disruption import check_disruption
from tests.helpers.mutate import changed, find, without

BUDGET, DEPLOYMENT = "PodDisruptionBudget", "Deployment"


def said(plan: Plan) -> list[str]:
    return [f"{finding.location}: {finding.text}" for finding in check_disruption(plan)]


def test_every_network_can_be_drained(plan: Plan) -> None:
    assert said(plan) == []


CASES: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    (BUDGET, lambda i: i["spec"].update(maxUnavailable=0), "may let no pod go"),
    (BUDGET, lambda i: i["spec"].update(maxUnavailable=None, minAvailable=2), "may let no pod go"),
    (BUDGET, lambda i: i["spec"].pop("unhealthyPodEvictionPolicy"), "keeps pods that are not ready"),
    (BUDGET, lambda i: i["spec"]["selector"]["matchLabels"].update(app="x"), "has several pods and no"),
    (DEPLOYMENT, lambda i: i["spec"]["template"]["spec"].pop("topologySpreadConstraints"), "may all be on one node"),
]


@pytest.mark.parametrize(("kind", "change", "words"), CASES)
def test_what_would_hold_a_drain_up_is_found(
    mainnet: Plan, kind: str, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    found = said(changed(mainnet, kind, "svc-messaging", change))
    assert len(found) == 1
    assert words in found[0]


def test_a_budget_that_is_missing(mainnet: Plan) -> None:
    found = said(without(mainnet, find(mainnet, BUDGET, "svc-admin")))
    assert found == ["Deployment/svc-admin: has several pods and no PodDisruptionBudget"]
