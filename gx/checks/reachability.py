"""Traffic that must get through: the ingress controller to every backend, Prometheus to every scraped pod."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gx.checks.finding import Finding
from gx.plan.model import Plan
from gx.plan.pods import Pod, matches, pods

NAMESPACE_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Endpoint:
    """One side of a connection: a namespace's name and the labels of a pod in it."""

    namespace: str
    labels: Mapping[str, str]


def allowed(plan: Plan, source: Endpoint, target: Endpoint, port: int) -> bool:
    """Return whether the Plan's policies let a source open a TCP connection to a target's container port."""
    return _direction(plan, "ingress", target, source, port) and _direction(plan, "egress", source, target, port)


def _direction(plan: Plan, direction: str, subject: Endpoint, peer: Endpoint, port: int) -> bool:
    selecting = [
        policy.spec
        for policy in plan.of_kind("NetworkPolicy")
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
    """Yield a finding for a public or scraped pod that its policies cut off (facts.md 15: incidents 6, 7, 25)."""
    if not any(plan.of_kind("NetworkPolicy")):
        return
    controller, prometheus = Endpoint("ingress-nginx", {}), Endpoint("monitoring", {})
    for pod, port in _backends(plan):
        if not allowed(plan, controller, Endpoint(plan.namespace, pod.labels), port):
            yield Finding(
                check="reachability", place=pod.place, text=f"the ingress controller cannot reach port {port}"
            )
    for pod in pods(plan):
        if pod.annotations.get("prometheus.io/scrape") == "true":
            port = int(pod.annotations["prometheus.io/port"])
            if not allowed(plan, prometheus, Endpoint(plan.namespace, pod.labels), port):
                yield Finding(check="reachability", place=pod.place, text=f"Prometheus cannot reach port {port}")


def _backends(plan: Plan) -> Iterator[tuple[Pod, int]]:
    services = {service.object_name: service for service in plan.of_kind("Service")}
    wanted = {
        path["backend"]["service"]["name"]: path["backend"]["service"]["port"]["number"]
        for ingress in plan.of_kind("Ingress")
        for rule in ingress.spec["rules"]
        for path in rule["http"]["paths"]
    }
    for name, number in wanted.items():
        if name not in services:
            continue
        for port in services[name].spec["ports"]:
            if port["port"] == number:
                for pod in pods(plan):
                    if matches({"matchLabels": services[name].spec["selector"]}, pod.labels):
                        target = port["targetPort"]
                        yield pod, pod.ports[target] if isinstance(target, str) else target
