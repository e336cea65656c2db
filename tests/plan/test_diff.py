"""What a change would do: actions, replacements, risks, two networks, forms of output."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from common.plan import Plan
from common.values import Secret
from gx.diff.between import between
from gx.diff.changes import Action, ResourceChange, changes
from gx.diff.risks import RiskKind, risks
from gx.diff.view import NetworkDiff, as_json, as_markdown, field_lines
from settings.offline import offline_settings
from tests.helpers.mutate import changed, container, find, with_resource, without


def only(before: Plan, after: Plan) -> ResourceChange:
    (found,) = changes(before, after)
    return found


def costs(before: Plan, after: Plan) -> list[tuple[str, str, str]]:
    return [(r.kind.value, r.location, r.text) for r in risks(changes(before, after), before, after)]


def replica(inputs: dict[str, Any]) -> None:
    inputs["spec"]["replicas"] = 3


def env(inputs: dict[str, Any]) -> None:
    container(inputs).setdefault("env", []).append({"name": "NEW", "value": "1"})


def test_the_same_plan_changes_nothing(plan: Plan) -> None:
    assert changes(plan, plan) == []


def test_a_field_that_changes_is_an_update_in_place(mainnet: Plan) -> None:
    change = only(mainnet, changed(mainnet, "Deployment", "svc-tax", replica))
    assert (change.action, change.location, change.protected) == (Action.UPDATE, "Deployment/svc-tax", False)
    assert [(d.text, d.old, d.new) for d in change.fields] == [("spec.replicas", 1, 3)]


def test_a_new_network_is_created_and_one_that_goes_is_deleted(mainnet: Plan) -> None:
    assert {change.action for change in changes(None, mainnet)} == {Action.CREATE}
    assert {change.action for change in changes(mainnet, None)} == {Action.DELETE}


IMMUTABLE: list[tuple[str, str, Callable[[dict[str, Any]], object], str]] = [
    ("Deployment", "svc-tax", lambda i: i["spec"]["selector"]["matchLabels"].update(x="y"), "spec.selector"),
    ("StatefulSet", "minio", lambda i: i["spec"].update(serviceName="other"), "spec.serviceName"),
    (
        "PersistentVolumeClaim",
        "minio-pvc",
        lambda i: i["spec"].update(storageClassName="fast"),
        "spec.storageClassName",
    ),
    ("Service", "svc-tax", lambda i: i["spec"].update(clusterIP="10.43.0.9"), "spec.clusterIP"),
    ("RandomPassword", "minioRoot-password-1", lambda i: i["keepers"].update(network="x"), "keepers.network"),
    ("DnsRecord", "api.gxcoin.money-72.61.81.3", lambda i: i.update(zoneId="0" * 31 + "1"), "zoneId"),
]


@pytest.mark.parametrize(("kind", "name", "change", "field"), IMMUTABLE, ids=[f"{k}/{n}" for k, n, _, _ in IMMUTABLE])
def test_a_field_that_cannot_change_replaces_the_object(
    mainnet: Plan, kind: str, name: str, change: Callable[[dict[str, Any]], object], field: str
) -> None:
    found = next(
        one for one in changes(mainnet, _changed_by_name(mainnet, kind, name, change)) if one.resource.kind == kind
    )
    assert found.action is Action.REPLACE
    assert found.replaced_by[0].text.startswith(field)
    assert any("forces the replacement" in line for line in field_lines(found))


def _changed_by_name(plan: Plan, kind: str, name: str, change: Callable[[dict[str, Any]], object]) -> Plan:
    """Change one registration by its logical name: passwords and records have no other."""
    import copy  # noqa: PLC0415 one helper needs it

    target = next(r for r in plan.resources if r.kind == kind and name in {r.name, r.object_name} and not r.read)
    inputs = copy.deepcopy(target.inputs)
    change(inputs)
    return with_resource(without(plan, target), dataclasses.replace(target, inputs=inputs))


def test_another_logical_name_without_an_alias_makes_the_object_anew(mainnet: Plan) -> None:
    target = find(mainnet, "Service", "svc-tax")
    moved = dataclasses.replace(target, urn=target.urn + "-renamed", name="renamed")
    change = only(mainnet, with_resource(without(mainnet, target), moved))
    assert change.action is Action.REPLACE
    assert change.replaced_by[0].text == "urn"


def test_with_an_alias_it_is_the_same_object(mainnet: Plan) -> None:
    target = find(mainnet, "Service", "svc-tax")
    options = dataclasses.replace(target.options, aliases=(target.urn,))
    moved = dataclasses.replace(target, urn=target.urn + "-renamed", options=options)
    assert changes(mainnet, with_resource(without(mainnet, target), moved)) == []


RISKS: list[tuple[str, Callable[[Plan], Plan], tuple[str, str, str]]] = [
    (
        "a claim that goes",
        lambda p: without(p, find(p, "PersistentVolumeClaim", "minio-backup-pvc")),
        ("guard removed", "PersistentVolumeClaim/minio-backup-pvc", "stays in the cluster"),
    ),
    (
        "a claim that is replaced",
        lambda p: changed(p, "PersistentVolumeClaim", "minio-pvc", lambda i: i["spec"].update(storageClassName="x")),
        ("data loss", "PersistentVolumeClaim/minio-pvc", "what it holds is gone"),
    ),
    (
        "a Service that goes",
        lambda p: without(p, find(p, "Service", "svc-tax")),
        ("downtime", "Service/svc-tax", "the service is down for good"),
    ),
    (
        "a Deployment that is replaced",
        lambda p: changed(p, "Deployment", "svc-tax", lambda i: i["spec"]["selector"]["matchLabels"].update(x="y")),
        ("downtime", "Deployment/svc-tax", "until the new one is ready"),
    ),
    (
        "pods that roll",
        lambda p: changed(p, "Deployment", "svc-messaging", env),
        ("restart", "Deployment/svc-messaging", "2 pods"),
    ),
    (
        "a server that restarts",
        lambda p: changed(p, "StatefulSet", "minio", env),
        ("restart", "StatefulSet/minio", "1 pod; the service is down during the restart"),
    ),
    (
        "the projector",
        lambda p: changed(p, "Deployment", "projector", env),
        ("restart", "Deployment/projector", "1 pod; the service is down during the restart"),
    ),
    (
        "proxies",
        lambda p: changed(p, "DaemonSet", "edge-proxy", env),
        ("restart", "DaemonSet/edge-proxy", "one after another"),
    ),
    (
        "a password",
        lambda p: _changed_by_name(p, "RandomPassword", "minioRoot-password-1", lambda i: i.update(length=50)),
        ("secret rotated", "RandomPassword/minioRoot-password-1", "a new value"),
    ),
    (
        "a record that is withdrawn",
        lambda p: without(p, next(r for r in p.resources if r.name == "api.gxcoin.money-72.61.81.3")),
        ("DNS", "DnsRecord/api.gxcoin.money-72.61.81.3", "withdrawn"),
    ),
    (
        "a policy",
        lambda p: without(p, find(p, "NetworkPolicy", "gx-svc-tax")),
        ("traffic", "NetworkPolicy/gx-svc-tax", "gx reach"),
    ),
    (
        "a guard",
        lambda p: _unprotected(p, "StatefulSet", "minio"),
        ("guard removed", "StatefulSet/minio", "may delete it"),
    ),
]


def _unprotected(plan: Plan, kind: str, name: str) -> Plan:
    target = find(plan, kind, name)
    options = dataclasses.replace(target.options, protect=False)
    return with_resource(without(plan, target), dataclasses.replace(target, options=options))


@pytest.mark.parametrize(("change", "expected"), [(c, e) for _, c, e in RISKS], ids=[name for name, _, _ in RISKS])
def test_what_a_change_can_cost_is_named(
    mainnet: Plan, change: Callable[[Plan], Plan], expected: tuple[str, str, str]
) -> None:
    kind, location, words = expected
    found = costs(mainnet, change(mainnet))
    assert any(k == kind and p == location and words in text for k, p, text in found), found


def test_every_kind_of_risk_is_seen() -> None:
    assert {kind.value for kind in RiskKind} - {expected[0] for _, _, expected in RISKS} == {"job runs"}


def test_a_renamed_bucket_leaves_every_message_behind(mainnet: Plan) -> None:
    outputs = {**mainnet.outputs, "storage": {**mainnet.outputs["storage"], "bucket": "other"}}
    renamed = dataclasses.replace(mainnet, outputs=outputs)
    (found,) = risks([], mainnet, renamed)
    assert found.kind is RiskKind.DATA_LOSS
    assert found.text.startswith("gx-voice-messages is other from now on: every message and file stays behind")
    assert risks([], mainnet, mainnet) == []


def test_a_job_that_changed_runs_again(mainnet: Plan) -> None:
    job = next(r for r in mainnet.of_kind("Job") if r.object_name.startswith("database-schema"))
    metadata = {**job.metadata, "name": "database-schema-00000000"}
    other = dataclasses.replace(job, urn=job.urn + "x", inputs={**job.inputs, "metadata": metadata})
    found = costs(mainnet, with_resource(without(mainnet, job), other))
    assert [(kind, location) for kind, location, _ in found] == [("job runs", "Job/database-schema-00000000")]


def test_more_replicas_restart_nothing(mainnet: Plan) -> None:
    assert costs(mainnet, changed(mainnet, "Deployment", "svc-tax", replica)) == []


def test_a_new_rule_of_a_policy_does_not_shift_the_others(mainnet: Plan) -> None:
    rule = {"to": [{"podSelector": {"matchLabels": {"app": "svc-new"}}}], "ports": [{"port": 1234}]}
    change = only(
        mainnet, changed(mainnet, "NetworkPolicy", "gx-svc-tax", lambda i: i["spec"]["egress"].insert(0, rule))
    )
    assert [d.text for d in change.fields] == ['spec.egress["app=svc-new: 1234"]']


def test_no_value_of_a_secret_is_shown(mainnet: Plan) -> None:
    def reveal(inputs: dict[str, Any]) -> None:
        inputs["stringData"]["REDIS_URL"] = Secret("redis://:hunter2@other")

    after = changed(mainnet, "Secret", "gx-connections", reveal)
    network = NetworkDiff(network="mainnet", changes=tuple(changes(mainnet, after)), risks=())
    assert network.changes
    for text in (as_json("a", "b", [network]), as_markdown("t", [network]), *field_lines(network.changes[0])):
        assert "hunter2" not in text
    assert "stringData.REDIS_URL: (secret) → (secret)" in "\n".join(field_lines(network.changes[0]))


def test_markdown_for_a_pull_request(mainnet: Plan) -> None:
    after = changed(mainnet, "StatefulSet", "minio", env)
    found = changes(mainnet, after)
    network = NetworkDiff(network="mainnet", changes=tuple(found), risks=tuple(risks(found, mainnet, after)))
    text = as_markdown("main → change", [network, NetworkDiff(network="devnet", changes=(), risks=())])
    assert text.startswith("### main → change\n\n**mainnet**: 1 to update\n\n| risk | object | what happens |\n")
    assert "| restart | `StatefulSet/minio` | 1 pod; the service is down during the restart |" in text
    assert "~ update <code>StatefulSet/minio</code> **protected**, 1 fields" in text
    assert text.endswith("**devnet**: no change\n")


def test_json_for_programs(mainnet: Plan) -> None:
    found = changes(mainnet, changed(mainnet, "StatefulSet", "minio", env))
    text = as_json("a", "b", [NetworkDiff(network="mainnet", changes=tuple(found), risks=())])
    (network,) = json.loads(text)["networks"]
    assert network["protected"] == ["StatefulSet/minio"]
    assert network["changes"][0]["fields"][0]["path"] == "spec.template.spec.containers.minio.env.NEW"


def test_a_long_text_is_shown_as_the_lines_that_differ(mainnet: Plan) -> None:
    name = "prometheus-messaging-alerts-mainnet"
    after = changed(
        mainnet,
        "ConfigMap",
        name,
        lambda i: i["data"].update(
            {"messaging-alerts.yml": i["data"]["messaging-alerts.yml"].replace("for: 1m", "for: 9m", 1)}
        ),
    )
    lines = list(field_lines(only(mainnet, after)))
    assert lines[0] == 'data["messaging-alerts.yml"]: 2 lines differ'
    assert "  -    for: 1m" in lines
    assert "  +    for: 9m" in lines


def test_networks_differ_as_expected_and_a_strange_difference_is_shown(plans: dict[str, Plan]) -> None:
    settings = {name: offline_settings(name) for name in plans}
    before = between(plans["testnet"], plans["mainnet"], settings)
    assert not [pair.location for pair in before if pair.only and not pair.reason]
    odd = changed(plans["mainnet"], "Deployment", "svc-tax", lambda i: container(i).update(image="x/y:1"))
    found = [pair for pair in between(plans["testnet"], odd, settings) if pair not in before]
    (pair,) = found
    assert pair.location == "Deployment/svc-tax"
    assert [d.text for d in pair.unexpected] == ['spec.template.spec.containers["svc-tax"].image']


def test_a_missing_workload_between_networks_is_shown(plans: dict[str, Plan]) -> None:
    settings = {name: offline_settings(name) for name in plans}
    less = without(plans["mainnet"], find(plans["mainnet"], "Deployment", "svc-tax"))
    pairs = between(plans["testnet"], less, settings)
    assert [(p.location, p.only) for p in pairs if p.only and not p.reason] == [("Deployment/svc-tax", "testnet")]
