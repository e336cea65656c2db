"""The pods that read the nodes' connection tables: what they say, and that none stays."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from common.errors import InputError
from gx.cluster.kubernetes_api import ApiError, KubernetesApi
from gx.reachability import observe as module
from gx.reachability.observe import observe
from gx.reachability.observed import Connection

LINE = "ipv4 2 tcp 6 9 ESTABLISHED src={0} dst=10.42.0.6 sport=4 dport=9000 src=10.42.0.6 dst={0} sport=9000 dport=4"
TABLES = {"vps1": LINE.format("10.42.1.5"), "vps4": LINE.format("10.42.0.5")}


class Api:
    """A cluster of nodes: each runs a pod that prints its table, or does not."""

    origin = "kubeconfig"

    def __init__(self, phases: dict[str, str], *, refuses: bool = False) -> None:
        self.phases = phases
        self.refuses = refuses
        self.pods: dict[str, Any] = {}

    def list_objects(self, api_version: str, kind: str, namespace: str = "", *, labels: str = "") -> Iterator[Any]:
        """Yield nodes, or the pods that look."""
        del api_version, namespace
        if kind == "Pod":
            assert labels == "app.kubernetes.io/name=gx-look"
            yield from list(self.pods.values())
            return
        for node, phase in self.phases.items():
            ready = "False" if phase == "down" else "True"
            yield {"metadata": {"name": node}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}

    def create(self, pod: Any) -> None:
        """Run a pod."""
        if self.refuses:
            raise ApiError(403, "Forbidden", "pods is forbidden")
        self.pods[pod["metadata"]["name"]] = {**pod, "status": {"phase": self.phases[pod["spec"]["nodeName"]]}}

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Any:
        """Return a pod."""
        del api_version, kind, namespace
        return self.pods.get(name)

    def pod_log(self, namespace: str, name: str) -> str:
        """Return what a pod prints."""
        del namespace
        return TABLES[self.pods[name]["spec"]["nodeName"]]

    def delete(self, api_version: str, kind: str, namespace: str, name: str, *, propagation: str) -> None:
        """Delete a pod."""
        del api_version, kind, namespace, propagation
        del self.pods[name]


def look(api: Api) -> tuple[int, list[Connection]]:
    return observe(cast("KubernetesApi", api), "registry.example/tools:1")


def test_every_node_that_is_ready_is_asked_and_no_pod_stays() -> None:
    api = Api({"vps1": "Succeeded", "vps4": "Succeeded", "vps9": "down"})
    count, found = look(api)
    assert (count, [one.source for one in found]) == (2, ["10.42.1.5", "10.42.0.5"])
    assert api.pods == {}


@pytest.mark.parametrize(
    ("phase", "said"),
    [("Pending", "its pod is Pending after 0.1 s"), ("Failed", "it has no such table"), ("", "its pod is not there")],
)
def test_a_node_that_does_not_answer_is_named_and_no_pod_stays(
    monkeypatch: pytest.MonkeyPatch, phase: str, said: str
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.1 if phase != "Failed" else 5)
    api = Api({"vps1": "Succeeded" if phase == "Failed" else phase, "vps4": phase})
    with pytest.raises(InputError, match=f"^vps[14]: /proc/net/nf_conntrack: was not read: {said}"):
        look(api)
    assert api.pods == {}


def test_pods_of_an_interrupted_run_are_removed_once_they_have_ended_and_those_of_a_colleague_stay() -> None:
    api = Api({"vps4": "Succeeded"})
    for name, phase in (("gx-look-old", "Failed"), ("gx-look-now", "Running")):
        api.pods[name] = {"metadata": {"name": name}, "spec": {"nodeName": "vps4"}, "status": {"phase": phase}}
    look(api)
    assert list(api.pods) == ["gx-look-now"]


def test_without_the_right_nothing_is_left_and_the_right_is_named() -> None:
    with pytest.raises(InputError, match=r"\(pods is forbidden\); fix: pods may be created in kube-system"):
        look(Api({"vps4": "Succeeded"}, refuses=True))
