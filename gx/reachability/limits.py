"""What lies beside the NetworkPolicies of a cluster: pods in the network of their node, and policies of other kinds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from common.cluster import INGRESS_CONTROLLERS
from common.naming import DNS_NAMESPACE, MONITORING_NAMESPACE
from common.objects import Object, mapping, sequence
from gx.cluster.kubernetes_api import ApiError, KubernetesApi, Reason
from rules.reachability.endpoint import Range, ranges
from rules.reachability.world import DNS, PROMETHEUS

DNS_PORT = 53
_GROUPS = ("antrea", "calico", "cilium", "policy.networking.k8s.io")
"""Parts of the names of API groups whose policies count beside Kubernetes' own."""


def _answers_dns(container: Mapping[str, Any]) -> bool:
    return DNS_PORT in {port.get("containerPort") for port in sequence(container, "ports")}


def _is_prometheus(container: Mapping[str, Any]) -> bool:
    """Not its neighbours: the exporter of a node always runs in that node's network."""
    image = str(container.get("image", "")).rpartition("/")[2]
    return image.partition(":")[0].partition("@")[0] == "prometheus" or container.get("name") == "prometheus"


def _listens(container: Mapping[str, Any]) -> bool:
    return bool(sequence(container, "ports"))


_WHO: dict[str, tuple[str, Callable[[Mapping[str, Any]], bool]]] = {
    **{one.namespace: (one.namespace, _listens) for one in INGRESS_CONTROLLERS.values()},
    PROMETHEUS: (MONITORING_NAMESPACE, _is_prometheus),
    DNS: (DNS_NAMESPACE, _answers_dns),
}
"""The endpoints around a network that policies name by their namespace: where they run, and which pods they are."""


@dataclass(frozen=True, kw_only=True)
class OnNodes:
    """An endpoint whose pods have the addresses of their nodes: a rule that names their namespace matches nothing.

    Attributes:
        endpoint: What it is called in the evaluation.
        namespace: Where it runs.
        controller: "Kind/name" of what runs it.
    """

    endpoint: str
    namespace: str
    controller: str


def on_nodes(api: KubernetesApi) -> list[OnNodes]:
    """Return the endpoints around a network that run in the network of their nodes.

    Raises:
        ApiError: The cluster refuses to say.
        UnreachableError: It cannot be reached.
    """
    return [
        OnNodes(endpoint=name, namespace=namespace, controller=f"{kind}/{found['metadata']['name']}")
        for name, (namespace, wanted) in _WHO.items()
        for kind in ("DaemonSet", "Deployment", "StatefulSet")
        for found in api.list_objects("apps/v1", kind, namespace)
        if _uses_the_nodes_network(found, wanted)
    ]


def _uses_the_nodes_network(controller: Object, wanted: Callable[[Mapping[str, Any]], bool]) -> bool:
    pod = mapping(controller, "spec", "template", "spec")
    return bool(pod.get("hostNetwork")) and any(wanted(container) for container in sequence(pod, "containers"))


def node_addresses(api: KubernetesApi) -> tuple[Range, ...]:
    """Return the addresses of the nodes inside the cluster; errors are those of `on_nodes`."""
    found = [address for node in api.list_objects("v1", "Node") for address in sequence(node, "status", "addresses")]
    return ranges(*(str(one["address"]) for one in found if one.get("type") == "InternalIP"))


def other_policies(api: KubernetesApi, namespaces: frozenset[str]) -> Iterator[str]:
    """Yield "3 CiliumNetworkPolicy" for each other kind of policy that is live in the network or for the whole cluster.

    Args:
        api: The cluster.
        namespaces: The network's.

    Raises:
        ApiError: The cluster refuses to say.
        UnreachableError: It cannot be reached.
    """
    for group in sequence(api.request("GET", "/apis"), "groups"):
        if any(word in str(group.get("name", "")) for word in _GROUPS):
            version = str(mapping(group, "preferredVersion").get("groupVersion", ""))
            for kind in api.kinds(version):
                if kind.endswith("NetworkPolicy") and (count := len(list(_in_force(api, version, kind, namespaces)))):
                    yield f"{count} {kind}"


def _in_force(api: KubernetesApi, version: str, kind: str, namespaces: frozenset[str]) -> Iterator[Object]:
    try:
        for found in api.list_objects(version, kind):
            if found["metadata"].get("namespace", "") in {*namespaces, ""}:
                yield found
    except ApiError as error:
        if error.reason != Reason.NOT_FOUND:
            raise
