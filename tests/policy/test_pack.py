"""The CrossGuard pack: its validators are called in its own environment, with resources as the engine shows them."""

import json
from collections.abc import Callable

import pytest

from common.plan import Plan
from rules import RULES, run_checks
from rules.finding import Severity
from tests.helpers.mutate import container
from tests.helpers.pack import Pack, Stack, entry, shown

Damage = Callable[[Stack], object]


def test_the_networks_keep_every_rule_and_their_warnings_are_advice(pack: Pack, plan: Plan) -> None:
    found = pack.violations(shown(plan))
    assert {name for name, _, _ in found} == {"advice"}
    warnings = [f for f in run_checks(plan) if f.severity is Severity.WARNING]
    assert len(found) == len(warnings) > 0


def _image(resources: Stack) -> None:
    container(entry(resources, "Deployment", "svc-tax")["props"])["image"] = "docker.io/library/nginx:latest"


def _root(resources: Stack) -> None:
    container(entry(resources, "Deployment", "svc-tax")["props"])["securityContext"]["allowPrivilegeEscalation"] = True


def _no_probe(resources: Stack) -> None:
    container(entry(resources, "Deployment", "svc-tax")["props"]).pop("readinessProbe")


def _unguarded(resources: Stack) -> None:
    entry(resources, "PersistentVolumeClaim", "minio-pvc")["protect"] = False


def _leak(resources: Stack) -> None:
    secret = entry(resources, "Secret", "gx-connections")["props"]["stringData"]["REDIS_URL"]
    entry(resources, "ConfigMap", "backend-config")["props"]["data"]["X"] = secret


def _test_user(resources: Stack) -> None:
    entry(resources, "ConfigMap", "backend-config")["props"]["data"]["X"] = "alice.johnson@mainnet.gxcoin.test"


def _record(resources: Stack) -> None:
    entry(resources, "DnsRecord", "api.gxcoin.money-72.61.81.3")["props"]["content"] = "217.196.51.190"


def _provider(resources: Stack) -> None:
    next(r for r in resources if r["type"] == "pulumi:providers:kubernetes")["props"].pop("enableSecretMutable")


def _label(resources: Stack) -> None:
    entry(resources, "Service", "svc-tax")["props"]["metadata"]["labels"]["app.kubernetes.io/part-of"] = "taxes"


def _deny(resources: Stack) -> None:
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
    (_label, "labels", "is 'taxes'; use one of messaging, "),
    (_deny, "default-deny", "none that denies what they do not name"),
]


@pytest.mark.parametrize(("damage", "policy", "words"), DAMAGES, ids=[policy for _, policy, _ in DAMAGES])
def test_a_broken_rule_is_reported_with_its_remedy(
    pack: Pack, mainnet: Plan, damage: Damage, policy: str, words: str
) -> None:
    resources = shown(mainnet)
    damage(resources)
    found = [text for _, text, _ in pack.violations(resources, policy)]
    assert any(words in text for text in found), found
    remedy = next(one.remedy for one in RULES if one.name == policy)
    assert found[0].endswith(remedy)


def test_a_value_that_is_not_known_yet_is_no_violation(pack: Pack, mainnet: Plan) -> None:
    resources = shown(mainnet)
    entry(resources, "Secret", "gx-connections")["props"]["stringData"]["REDIS_URL"] = (
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # the engine's word for a string that only `up` learns
    )
    assert {name for name, _, _ in pack.violations(resources)} == {"advice"}


def test_no_secret_is_repeated_in_a_report(pack: Pack, mainnet: Plan) -> None:
    resources = shown(mainnet)
    _leak(resources)
    secret = entry(resources, "Secret", "gx-connections")["props"]["stringData"]["REDIS_URL"]
    assert secret not in json.dumps(pack.violations(resources, "secrets"))


def test_every_rule_has_a_name_a_reason_and_a_remedy() -> None:
    names = [policy.name for policy in RULES]
    assert len(names) == len(set(names))
    assert all(policy.reason.endswith(".") and policy.remedy.endswith(".") for policy in RULES)
