"""Checkov over the rendered manifests; every exception has a reason, and covers something."""

from pathlib import Path

import pytest

from common.errors import InputError
from common.plan import Plan
from tests.conftest import unavailable
from tests.helpers.mutate import changed, container
from tools.scan import CHECKOV, Problem, Waiver, evaluate, read_waivers, scan


@pytest.fixture(scope="module")
def found(plans: dict[str, Plan]) -> list[Problem]:
    if not CHECKOV.exists():
        unavailable("needs checkov: run `make tools`")
    return [problem for plan in plans.values() for problem in scan(plan)]


def test_nothing_is_left_and_no_exception_covers_nothing(found: list[Problem], plans: dict[str, Plan]) -> None:
    left, unused = evaluate(found, read_waivers())
    assert left == []
    assert unused == []
    assert {problem.network for problem in found} == set(plans), "it looked at every network"


def test_a_new_fault_is_found(mainnet: Plan, found: list[Problem]) -> None:
    def damage(inputs: dict[str, object]) -> None:
        one = container(inputs)
        one["securityContext"]["privileged"] = True
        one["image"] = "10.43.75.195:5000/svc-tax:latest"
        one["resources"].pop("limits")

    left, _ = evaluate([*found, *scan(changed(mainnet, "Deployment", "svc-tax", damage))], read_waivers())
    assert {problem.location for problem in left} == {"Deployment/svc-tax"}
    assert {"CKV_K8S_16", "CKV_K8S_14", "CKV_K8S_13"} <= {problem.check for problem in left}


def test_an_exception_that_covers_nothing_is_a_mistake(found: list[Problem]) -> None:
    waiver = Waiver(check="CKV_K8S_99", reason="nobody remembers why this was here")
    assert evaluate(found, [*read_waivers(), waiver])[1] == [waiver]
    narrower = Waiver(check="CKV_K8S_43", objects="Deployment/svc-mail", reason="it is a mail service")
    assert evaluate(found, [narrower])[1] == [narrower]


BROKEN = [
    ("waivers: [{check: CKV_K8S_43, reason: because}]", "reason"),
    ("waivers: [{tool: trivy, check: KSV0001, reason: it is not run here at all}]", "tool"),
    ("waivers: [{chekc: x, reason: it is not run here at all}]", "check"),
    ("waivers:\n  - tool: [", "malformed YAML"),
]


@pytest.mark.parametrize(("text", "words"), BROKEN)
def test_a_mistake_in_the_exceptions_gets_one_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy/waivers.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_waivers(tmp_path)
    assert str(caught.value).startswith("policy/waivers.yaml: ")
    assert words in str(caught.value)
