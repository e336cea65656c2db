"""The CrossGuard pack: its validators are called in its own environment, with resources as the engine shows them."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from gx.checks import run_checks
from gx.checks.finding import Severity
from gx.checks.policies import POLICIES
from gx.plan.model import Plan
from gx.plan.values import Secret
from gx.settings.project import ROOT
from tests.conftest import unavailable
from tests.helpers.mutate import container

Damage = Callable[[list[dict[str, Any]]], object]


def shown(plan: Plan) -> list[dict[str, Any]]:
    """Return the resources of a Plan as the engine shows them to a policy: secrets in clear text, status added."""
    return [
        {
            "urn": resource.urn,
            "type": resource.type,
            "name": resource.name,
            "protect": resource.options.protect,
            "props": {**_clear(resource.inputs), "__initialApiVersion": "v1", "status": {}},
        }
        for resource in plan.resources
    ]


def _clear(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.value
    if isinstance(value, dict):
        return {key: _clear(entry) for key, entry in cast("dict[str, Any]", value).items()}
    return [_clear(entry) for entry in cast("list[Any]", value)] if isinstance(value, list) else value


def violations(resources: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return what the pack reports: policy, text, urn."""
    python = ROOT / "policy/.venv/bin/python"
    if not python.exists():
        unavailable("needs the pack's environment: run `make tools`")
    done = subprocess.run(
        [str(python), "-W", "ignore", str(Path(__file__).with_name("run_pack.py"))],
        input=json.dumps(resources),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT / "policy",
    )
    assert done.returncode == 0, done.stderr
    return [(name, text, urn) for name, text, urn in json.loads(done.stdout)]


def test_the_networks_keep_every_rule_and_their_warnings_are_advice(plan: Plan) -> None:
    found = violations(shown(plan))
    assert {name for name, _, _ in found} == {"advice"}
    warnings = [f for f in run_checks(plan, []) if f.severity is Severity.WARNING]
    assert len(found) == len(warnings) > 0


def entry(resources: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    return next(
        r
        for r in resources
        if r["type"].endswith(f":{kind}") and name in {r["name"], r["props"].get("metadata", {}).get("name")}
    )


def _image(resources: list[dict[str, Any]]) -> None:
    container(entry(resources, "Deployment", "svc-tax")["props"])["image"] = "docker.io/library/nginx:latest"


def _root(resources: list[dict[str, Any]]) -> None:
    container(entry(resources, "Deployment", "svc-tax")["props"])["securityContext"]["allowPrivilegeEscalation"] = True


def _no_probe(resources: list[dict[str, Any]]) -> None:
    container(entry(resources, "Deployment", "svc-tax")["props"]).pop("readinessProbe")


def _unguarded(resources: list[dict[str, Any]]) -> None:
    entry(resources, "PersistentVolumeClaim", "minio-pvc")["protect"] = False


def _leak(resources: list[dict[str, Any]]) -> None:
    secret = entry(resources, "Secret", "gx-connections")["props"]["stringData"]["REDIS_URL"]
    entry(resources, "ConfigMap", "backend-config")["props"]["data"]["X"] = secret


def _test_user(resources: list[dict[str, Any]]) -> None:
    entry(resources, "ConfigMap", "backend-config")["props"]["data"]["X"] = "alice.johnson@mainnet.gxcoin.test"


def _record(resources: list[dict[str, Any]]) -> None:
    entry(resources, "DnsRecord", "api.gxcoin.money-72.61.81.3")["props"]["content"] = "217.196.51.190"


def _provider(resources: list[dict[str, Any]]) -> None:
    next(r for r in resources if r["type"] == "pulumi:providers:kubernetes")["props"].pop("enableSecretMutable")


def _label(resources: list[dict[str, Any]]) -> None:
    entry(resources, "Service", "svc-tax")["props"]["metadata"]["labels"]["app.kubernetes.io/part-of"] = "taxes"


def _deny(resources: list[dict[str, Any]]) -> None:
    resources.remove(entry(resources, "NetworkPolicy", "default-deny-all"))


DAMAGES: list[tuple[Damage, str, str]] = [
    (_image, "registries", "docker.io/library/nginx:latest does not come from"),
    (_root, "pod-security", "svc-tax may gain privileges"),
    (_no_probe, "containers", "has no readinessProbe"),
    (_unguarded, "guards", "a mistake could delete it"),
    (_leak, "secrets", "shows a secret in clear text"),
    (_test_user, "test-data", "names a test user"),
    (_record, "dns", "no node of mainnet"),
    (_provider, "provider", "enableSecretMutable is not set"),
    (_label, "labels", "is 'taxes', no part we page for"),
    (_deny, "default-deny", "none that denies what they do not name"),
]


@pytest.mark.parametrize(("damage", "policy", "words"), DAMAGES, ids=[policy for _, policy, _ in DAMAGES])
def test_a_broken_rule_is_reported_with_its_remedy(mainnet: Plan, damage: Damage, policy: str, words: str) -> None:
    resources = shown(mainnet)
    damage(resources)
    found = [text for name, text, _ in violations(resources) if name == policy]
    assert any(words in text for text in found), violations(resources)
    remedy = next(one.remedy for one in POLICIES if one.name == policy)
    assert found[0].endswith(remedy)


def test_a_value_that_is_not_known_yet_is_no_violation(mainnet: Plan) -> None:
    resources = shown(mainnet)
    entry(resources, "Secret", "gx-connections")["props"]["stringData"]["REDIS_URL"] = (
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # the engine's word for a string that only `up` learns
    )
    assert {name for name, _, _ in violations(resources)} == {"advice"}


def test_no_secret_is_repeated_in_a_report(mainnet: Plan) -> None:
    resources = shown(mainnet)
    _leak(resources)
    secret = entry(resources, "Secret", "gx-connections")["props"]["stringData"]["REDIS_URL"]
    assert secret not in json.dumps(violations(resources))


def test_every_rule_has_a_name_a_reason_and_a_remedy() -> None:
    names = [policy.name for policy in POLICIES]
    assert len(names) == len(set(names))
    assert all(policy.reason.endswith(".") and policy.remedy.endswith(".") for policy in POLICIES)
