"""What an API server says to every planned object, all networks together: what no schema holds, admission, quota."""

from collections.abc import Iterator, Sequence
from typing import Any

from common.labels import FIELD_MANAGER
from common.objects import Object
from common.plan import Plan, Resource
from common.pods import RUNNERS, Pod, pods
from common.values import plain
from gx.cluster.kubernetes_api import ApiError, KubernetesApi
from gx.plan.render import apply_order
from rules.finding import Finding, Severity

CHECK = "server"


def server_findings(api: KubernetesApi, plans: Sequence[Plan]) -> Iterator[Finding]:
    """Offer every object to an empty API server, then its pods, and yield each refusal.

    The objects stay in it: a node port, a name or a quota is taken by the first that asks. Secret values are not
    sent.

    Args:
        api: An API server that holds nothing and in which nothing acts.
        plans: One Plan per network.
    """
    for plan in plans:
        for resource in plan.of_kind("Namespace"):
            yield from _offered(api, plan, resource)
    _surroundings(api, plans)
    for plan in plans:
        for resource in sorted(plan.objects, key=apply_order):
            if resource.kind != "Namespace":
                yield from _offered(api, plan, resource)
    for plan in plans:
        yield from _pods(api, plan)


def _surroundings(api: KubernetesApi, plans: Sequence[Plan]) -> None:
    """Create what others own and pods need: namespaces, and the ServiceAccounts in them."""
    for name in sorted({resource.namespace for plan in plans for resource in plan.objects} - {""}):
        if api.get("v1", "Namespace", "", name) is None:
            api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, manager=CHECK)
        _account(api, name, "default")  # a controller makes it
    for plan in plans:
        for external in plan.externals:
            if external.kind == "ServiceAccount":
                _account(api, external.namespace, external.name)


def _account(api: KubernetesApi, namespace: str, name: str) -> None:
    metadata = {"name": name, "namespace": namespace}
    api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}, manager=CHECK)


def _offered(api: KubernetesApi, plan: Plan, resource: Resource) -> Iterator[Finding]:
    wanted = _without_values(plain(resource.manifest))
    try:
        api.apply(wanted, manager=FIELD_MANAGER)
        if resource.kind == "ResourceQuota":  # a controller writes what admission reads
            path = api.kind("v1", "ResourceQuota").path(resource.namespace, resource.object_name)
            hard = wanted["spec"]["hard"]
            status = {"status": {"hard": hard, "used": dict.fromkeys(hard, "0")}}
            api.request("PATCH", f"{path}/status", body=status, content_type="application/merge-patch+json")
    except ApiError as error:
        yield _finding(plan, resource, error)


def _without_values(manifest: Object) -> Object:
    """Return an object whose Secret data is text: what stands for a value is not base64."""
    if manifest["kind"] == "Secret" and "data" in manifest:
        manifest["stringData"] = manifest.pop("data") | manifest.get("stringData", {})
    return manifest


def _pods(api: KubernetesApi, plan: Plan) -> Iterator[Finding]:
    """Offer the pods of every controller: admission, limits and quota see nothing else."""
    least = {
        scaler.spec["scaleTargetRef"]["name"]: int(scaler.spec.get("minReplicas", 1))
        for scaler in plan.of_kind("HorizontalPodAutoscaler")
    }
    for pod in pods(plan):
        lasting = pod.owner.kind in RUNNERS
        replicas = int(pod.owner.spec.get("replicas", least.get(pod.owner.object_name, 1))) if lasting else 1
        for number in range(replicas):
            try:
                api.apply(_pod(pod, number), manager=CHECK, dry_run=not lasting)
            except ApiError as error:
                yield _finding(plan, pod.owner, error)
                break


def _pod(pod: Pod, number: int) -> Object:
    name, namespace = f"{pod.owner.kind}-{pod.owner.object_name}-{number}".lower(), pod.owner.namespace
    metadata = {"name": name, "namespace": namespace, "labels": pod.labels, "annotations": pod.annotations}
    manifest: Any = plain({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod.spec})
    return manifest


def _finding(plan: Plan, resource: Resource, error: ApiError) -> Finding:
    location = f"{plan.network} {resource.location}"
    if error.message.startswith("the server serves no"):
        text = "was not offered: its kind comes with an operator, which a bare API server does not have"
        return Finding(check=CHECK, location=location, text=text, severity=Severity.NOTE)
    parent = plan.by_urn.get(resource.parent)
    source = f" (of {parent.kind} {parent.name})" if parent else ""
    return Finding(check=CHECK, location=location + source, text=f"is refused by Kubernetes: {error.message}")
