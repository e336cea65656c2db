"""Label selectors mean what the API server means by them: asked of a real one, object by object."""

from typing import Any

from common.pods import matches
from tests.engine.conftest import Cluster

NAMESPACE = "default"
SETS: dict[str, dict[str, str]] = {
    "none": {},
    "a": {"app": "a"},
    "b": {"app": "b"},
    "both": {"app": "a", "tier": "b"},
}
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("gx-test=1", {}),
    ("app=a", {"matchLabels": {"app": "a"}}),
    ("app in (a,b)", {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}),
    ("app notin (a)", {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}),
    ("tier", {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}),
    ("!tier", {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}),
    (
        "app=a,!tier",
        {"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]},
    ),
]


def test_selectors_select_what_the_api_server_selects(cluster: Cluster) -> None:
    for name, labels in SETS.items():
        metadata = {"name": f"set-{name}", "namespace": NAMESPACE, "labels": {**labels, "gx-test": "1"}}
        cluster.api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    for query, selector in QUESTIONS:
        listed = cluster.api.list_objects("v1", "ConfigMap", NAMESPACE, labels=f"gx-test=1,{query}")
        theirs = {live["metadata"]["name"].removeprefix("set-") for live in listed}
        assert {name for name, labels in SETS.items() if matches(selector, labels)} == theirs, query
