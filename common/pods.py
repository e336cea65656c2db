"""Pods of a Plan: every pod template with the controller it belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from common.objects import mapping
from common.plan import Plan, Resource
from common.quantities import parse_quantity
from common.quota import PodGroup

RUNNERS = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True)
class Pod:
    """One pod template.

    Attributes:
        owner: The controller.
        labels: Labels of its pods.
        annotations: Annotations of its pods.
        spec: The pod spec.
    """

    owner: Resource
    labels: dict[str, str]
    annotations: dict[str, Any]
    spec: dict[str, Any]

    @property
    def location(self) -> str:
        """Who it is, for a message."""
        return self.owner.location

    @property
    def containers(self) -> list[dict[str, Any]]:
        """All containers, those that only initialise included."""
        return [*self.spec.get("initContainers", []), *self.spec.get("containers", [])]

    @property
    def ports(self) -> dict[str, int]:
        """Numbers of the container ports by name."""
        return {
            port.get("name", str(port["containerPort"])): port["containerPort"]
            for container in self.containers
            for port in container.get("ports", [])
        }


def pods(plan: Plan) -> Iterator[Pod]:
    """Yield every pod template of a Plan."""
    for resource in plan.objects:
        if resource.kind not in (*RUNNERS, "Job", "CronJob"):
            continue
        job = ("jobTemplate", "spec") if resource.kind == "CronJob" else ()
        template = mapping(resource.spec, *job, "template")
        metadata = mapping(template, "metadata")
        yield Pod(resource, mapping(metadata, "labels"), mapping(metadata, "annotations"), mapping(template, "spec"))


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Return whether a label selector selects labels; an empty selector selects everything."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for rule in selector.get("matchExpressions", []):
        key, operator, values = rule["key"], rule["operator"], rule.get("values", [])
        holds = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }[operator]
        if not holds:
            return False
    return True


class PodIndex:
    """The pods of a Plan by their labels, so that a selector need not be compared with every pod."""

    def __init__(self, plan: Plan) -> None:
        self.all = list(pods(plan))
        self._by_label: dict[tuple[str, str], list[Pod]] = {}
        for pod in self.all:
            for label in pod.labels.items():
                self._by_label.setdefault(label, []).append(pod)

    def selected(self, selector: dict[str, Any]) -> list[Pod]:
        """Return the pods that a label selector selects."""
        candidates = self.all
        for label in selector.get("matchLabels", {}).items():
            found = self._by_label.get(label, [])
            candidates = min(candidates, found, key=len)
        return [pod for pod in candidates if matches(selector, pod.labels)]


def pod_groups(plan: Plan) -> list[PodGroup]:
    """Return the pods of the backend's namespace for the quota arithmetic, external workloads included."""
    scalers = {scaler.spec["scaleTargetRef"]["name"]: scaler.spec for scaler in plan.of_kind("HorizontalPodAutoscaler")}
    groups = [
        PodGroup(
            name=external.name,
            steady=external.replicas,
            peak=external.replicas,
            surge=0,
            per_pod={figure: parse_quantity(amount) for figure, amount in external.per_pod.items()},
        )
        for external in plan.external_workloads
    ]
    for pod in pods(plan):
        if pod.owner.namespace != plan.namespace:
            continue
        scaler = scalers.get(pod.owner.object_name)
        steady = int(scaler["minReplicas"] if scaler else pod.owner.spec.get("replicas", 1))
        rolling = pod.owner.kind == "Deployment" and pod.owner.spec.get("strategy", {}).get("type") != "Recreate"
        groups.append(
            PodGroup(
                name=pod.owner.object_name,
                steady=steady,
                peak=int(scaler["maxReplicas"]) if scaler else steady,
                surge=1 if rolling and steady else 0,
                per_pod={
                    f"{kind}.{name}": sum(
                        (parse_quantity(c.get("resources", {}).get(kind, {}).get(name, "0")) for c in pod.containers),
                        parse_quantity("0"),
                    )
                    for kind in ("requests", "limits")
                    for name in ("cpu", "memory")
                },
            )
        )
    return groups
