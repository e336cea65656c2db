"""Fields of live objects: what differs, what an update prunes, who owns what, what is a new object."""

from typing import Any

import pytest

from common.fields import REPLACING, FieldChange, differences, prune, replacing, settled
from common.values import Unknown
from gx.cluster.effect import changed, foreign, pruned


def live(fields: dict[str, Any], manager: str = "kubectl-client-side-apply", **content: Any) -> dict[str, Any]:
    entry = {"manager": manager, "operation": "Update", "fieldsV1": fields}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "managedFields": [entry]}, **content}


def texts(found: list[Any]) -> list[str]:
    return [difference.text for difference in found]


def test_items_of_a_list_are_compared_by_their_key() -> None:
    old = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    new = {"env": [{"name": "B", "value": "3"}, {"name": "A", "value": "1"}]}
    found = list(differences(old, new))
    assert texts(found) == ["env.B.value"]
    assert found[0].change is FieldChange.UPDATE


def test_a_key_that_is_no_word_stands_in_brackets() -> None:
    found = list(differences({}, {"labels": {"a.b/c": "d"}}))
    assert texts(found) == ["labels"]
    assert texts(list(differences({"labels": {"x": "y"}}, {"labels": {"a.b/c": "d"}}))) == [
        "labels.x",
        'labels["a.b/c"]',
    ]


def test_nothing_and_empty_are_the_same() -> None:
    assert list(differences({"a": {}, "b": None}, {"c": []})) == []


def test_what_is_not_named_is_pruned_from_the_comparison() -> None:
    found = {"spec": {"replicas": 1, "extra": 2}, "status": {}}
    assert prune(found, {"spec": {"replicas": 5}}) == {"spec": {"replicas": 1}}


def test_equal_quantities_are_no_difference() -> None:
    one = {"spec": {"hard": {"limits.cpu": "1000m", "pods": "5"}}}
    two = {"spec": {"hard": {"limits.cpu": "1", "pods": "6"}}}
    assert texts(changed(one, two)) == ["spec.hard.pods"]


def test_a_secrets_text_is_compared_as_the_server_keeps_it() -> None:
    unknown = Unknown()
    assert settled({"kind": "Secret", "stringData": unknown}) == {"kind": "Secret", "data": unknown}
    assert settled({"kind": "Secret", "stringData": {"key": unknown}}) == {"kind": "Secret", "data": {"key": unknown}}
    assert settled({"kind": "Secret", "stringData": {"key": "value"}}) == {
        "kind": "Secret",
        "data": {"key": "dmFsdWU="},
    }


def test_a_hand_tools_field_that_is_not_named_goes() -> None:
    found = live({"f:data": {".": {}, "f:KEPT": {}, "f:EXTRA": {}}}, data={"KEPT": "1", "EXTRA": "2"})
    assert texts(pruned(found, {"data": {"KEPT": "1"}}, "gx-infra")) == ["data.EXTRA"]


def test_another_managers_field_stays() -> None:
    found = live({"f:data": {"f:KEPT": {}, "f:EXTRA": {}}}, manager="helm", data={"KEPT": "1", "EXTRA": "2"})
    assert pruned(found, {"data": {"KEPT": "1"}}, "gx-infra") == []


def test_a_default_that_goes_comes_back_and_is_no_loss() -> None:
    fields: dict[str, Any] = {"f:spec": {"f:terminationGracePeriodSeconds": {}, "f:replicas": {}}}
    found = live(fields, spec={"terminationGracePeriodSeconds": 30, "replicas": 2})
    assert texts(pruned(found, {"spec": {"x": 1}}, "gx-infra")) == ["spec.replicas"]


def test_items_of_lists_are_found_by_their_keys() -> None:
    fields: dict[str, Any] = {"f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:name": {}}}}
    found = live(fields, ports=[{"containerPort": 80, "name": "web"}])
    assert texts(pruned(found, {"ports": [{"containerPort": 80}]}, "gx-infra")) == ['ports["containerPort=80"].name']
    assert texts(pruned(found, {"ports": [{"containerPort": 81}]}, "gx-infra")) == ['ports["containerPort=80"]']


def test_a_changed_field_of_another_manager_is_a_conflict() -> None:
    found = live({"f:data": {"f:A": {}, "f:B": {}}}, manager="helm", data={"A": "1", "B": "2"})
    conflicts = foreign(found, {"data": {"A": "1", "B": "3"}}, "gx-infra")
    assert [(difference.text, manager) for difference, manager in conflicts] == [("data.B", "helm")]


@pytest.mark.parametrize(("kind", "rule"), [(kind, rule) for kind, rules in REPLACING.items() for rule in rules])
def test_every_rule_of_replacement_bites(kind: str, rule: str) -> None:
    keys = rule.split(".")

    def nested(value: object) -> dict[str, Any]:
        for key in reversed(keys):
            value = {key: value}
        return value  # type: ignore[return-value]

    found = list(differences(nested("one"), nested("two")))
    assert texts(replacing(kind, found)) == [rule]
    assert replacing("Lease", found) == []


def test_the_name_replaces_every_kind() -> None:
    found = list(differences({"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}))
    assert texts(replacing("Lease", found)) == ["metadata.name"]


def test_what_two_managers_own_a_part_of_goes_in_part() -> None:
    """With the list taken for one field, the other manager's part would hide that ours goes."""
    fields: dict[str, Any] = {
        "f:metadata": {"f:finalizers": {".": {}, 'v:"a"': {}}, "f:labels": {".": {}, "f:old": {}}}
    }
    found = live(fields)
    others: dict[str, Any] = {
        "f:metadata": {"f:finalizers": {".": {}, 'v:"b"': {}}, "f:labels": {".": {}, "f:theirs": {}}}
    }
    found["metadata"]["managedFields"].append({"manager": "controller", "operation": "Update", "fieldsV1": others})
    found["metadata"].update(finalizers=["a", "b"], labels={"old": "1", "theirs": "2"})
    assert texts(pruned(found, {"data": {}}, "gx-infra")) == ["metadata.finalizers.a", "metadata.labels.old"]


def test_the_order_of_a_set_is_no_change() -> None:
    old = {"values": ["b", "a"], "to": [{"x": 1}, {"y": [2]}], "args": ["b", "a"]}
    new = {"values": ["a", "b"], "to": [{"y": [2]}, {"x": 1}], "args": ["a", "b"]}
    assert texts(list(differences(old, new))) == ["args[0]", "args[1]"]
    assert texts(list(differences({"values": ["a", "a", "b"]}, {"values": ["a", "b"]}))) == ["values[1]", "values[2]"]


def test_an_item_that_is_not_named_stays_only_where_the_server_merges_the_list() -> None:
    variables: dict[str, Any] = {'k:{"name":"A"}': {".": {}}, 'k:{"name":"B"}': {".": {}}}
    fields: dict[str, Any] = {
        "f:spec": {"f:containers": {'k:{"name":"c"}': {"f:env": variables, "f:args": {}}}, "f:ports": {}}
    }
    container = {"name": "c", "env": [{"name": "A"}, {"name": "B"}], "args": ["1", "2"]}
    found = live(fields, spec={"containers": [container], "ports": [{"port": 1}, {"port": 2}]})
    wanted = {"containers": [{"name": "c", "env": [{"name": "A"}], "args": ["1"]}], "ports": [{"port": 1}]}
    assert texts(changed(found, {**found, "spec": wanted})) == ["spec.containers.c.args[1]", 'spec.ports["port=2"]']


def test_the_old_name_of_a_service_account_comes_back() -> None:
    fields: dict[str, Any] = {
        "f:spec": {"f:template": {"f:spec": {"f:serviceAccount": {}, "f:serviceAccountName": {}}}}
    }
    pod = {"serviceAccount": "a", "serviceAccountName": "a"}
    found = live(fields, spec={"template": {"spec": pod}})
    wanted = {**found, "spec": {"template": {"spec": {"serviceAccountName": "a"}}}}
    assert pruned(found, wanted, "gx-infra") == []
