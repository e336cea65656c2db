"""Traffic that must get through: the ingress controller to every backend, Prometheus to every scraped pod."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gx.checks.finding import Finding
from gx.naming import INGRESS_NAMESPACE, MONITORING_NAMESPACE
from gx.plan.model import Plan, Resource
from gx.plan.pods import Pod, PodIndex, matches

NAMESPACE_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Endpoint:
    """One side of a connection: a namespace's name and the labels of a pod in it."""

    namespace: str
    labels: Mapping[str, str]


class Policies:
    """The NetworkPolicies of a Plan, found by the labels that they select."""

    def __init__(self, plan: Plan) -> None:
        self._by_label: dict[tuple[str, str], list[Resource]] = {}
        self._broad: list[Resource] = []
        for policy in plan.of_kind("NetworkPolicy"):
            wanted = policy.spec["podSelector"].get("matchLabels", {})
            if wanted:
                self._by_label.setdefault(next(iter(wanted.items())), []).append(policy)
            else:
                self._broad.append(policy)

    def allow(self, source: Endpoint, target: Endpoint, port: int) -> bool:
        """Return whether a source may open a TCP connection to a target's container port."""
        return self._direction("ingress", target, source, port) and self._direction("egress", source, target, port)

    def _direction(self, direction: str, subject: Endpoint, peer: Endpoint, port: int) -> bool:
        candidates = [*self._broad, *(p for label in subject.labels.items() for p in self._by_label.get(label, []))]
        selecting = [
            policy.spec
            for policy in candidates
            if policy.namespace == subject.namespace
            and direction.capitalize() in policy.spec["policyTypes"]
            and matches(policy.spec["podSelector"], dict(subject.labels))
        ]
        if not selecting:
            return True
        key = "from" if direction == "ingress" else "to"
        return any(
            _ports(rule, port) and _peers(rule.get(key), subject.namespace, peer)
            for spec in selecting
            for rule in spec.get(direction, [])
        )


def _ports(rule: dict[str, Any], port: int) -> bool:
    return not rule.get("ports") or any(
        entry.get("protocol", "TCP") == "TCP" and entry.get("port") == port for entry in rule["ports"]
    )


def _peers(peers: list[dict[str, Any]] | None, own_namespace: str, peer: Endpoint) -> bool:
    return not peers or any(_peer(entry, own_namespace, peer) for entry in peers)


def _peer(entry: dict[str, Any], own_namespace: str, peer: Endpoint) -> bool:
    if "ipBlock" in entry:
        return False  # pods are reached by selectors only: private ranges are excepted from every block
    if "namespaceSelector" in entry:
        if not matches(entry["namespaceSelector"], {NAMESPACE_NAME: peer.namespace}):
            return False
    elif peer.namespace != own_namespace:
        return False
    return matches(entry.get("podSelector", {}), dict(peer.labels))


def check_reachability(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a public or scraped pod that its policies cut off (incidents 6, 7 and 25)."""
    policies, index = Policies(plan), PodIndex(plan)
    controller, prometheus = Endpoint(INGRESS_NAMESPACE, {}), Endpoint(MONITORING_NAMESPACE, {})
    for pod, port in _backends(plan, index):
        if not policies.allow(controller, Endpoint(plan.namespace, pod.labels), port):
            text = f"the ingress controller cannot reach port {port}"
            yield Finding(check="reachability", place=pod.place, text=text)
    for pod in index.all:
        if pod.annotations.get("prometheus.io/scrape") == "true":
            port = int(pod.annotations["prometheus.io/port"])
            if not policies.allow(prometheus, Endpoint(plan.namespace, pod.labels), port):
                yield Finding(check="reachability", place=pod.place, text=f"Prometheus cannot reach port {port}")


def _backends(plan: Plan, index: PodIndex) -> Iterator[tuple[Pod, int]]:
    services = {service.object_name: service for service in plan.of_kind("Service")}
    wanted = {
        path["backend"]["service"]["name"]: path["backend"]["service"]["port"]["number"]
        for ingress in plan.of_kind("Ingress")
        for rule in ingress.spec["rules"]
        for path in rule["http"]["paths"]
    }
    for name, number in wanted.items():
        service = services.get(name)
        ports = [port for port in service.spec["ports"] if port["port"] == number] if service else []
        for port in ports:
            for pod in index.selected({"matchLabels": service.spec["selector"]}) if service else []:
                target = port["targetPort"]
                yield pod, pod.ports[target] if isinstance(target, str) else target
