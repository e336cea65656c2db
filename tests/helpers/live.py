"""A network as a right API server would answer it: planned objects, and the pods, nodes and states that it adds."""

import copy
from typing import Any

from common.plan import Plan
from gx.adoption.adopt import filled

World = dict[str, list[dict[str, Any]]]
"""Objects by group and version."""
_OF_EACH = 2
"""Objects of each kind: enough to see every way through the code."""


def live_world(plan: Plan, uid: str) -> World:
    """Return a network's objects, at most two of each kind and whatever makes pods of svc-messaging and MinIO."""
    world: World = {}
    count: dict[str, int] = {}
    for resource in plan.objects:
        count[resource.kind] = count.get(resource.kind, 0) + 1
        if count[resource.kind] > _OF_EACH and resource.object_name not in {"svc-messaging", "minio"}:
            continue
        manifest = copy.deepcopy(filled(resource.manifest, None))
        manifest["metadata"] |= {"uid": f"{resource.kind}-{resource.object_name}", "generation": 1}
        manifest["metadata"] |= {"creationTimestamp": "2026-01-01T00:00:00Z"}
        manifest["status"] = _status(manifest)
        world.setdefault(manifest["apiVersion"], []).append(manifest)
    deployments = [one for one in world["apps/v1"] if one["kind"] == "Deployment"]
    world["v1"] += [_pod(one) for one in deployments]
    world["v1"] += [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": uid}},
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "node-1"},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            },
        },
    ]
    return world


def _status(manifest: dict[str, Any]) -> dict[str, Any]:
    replicas = manifest.get("spec", {}).get("replicas", 1)
    progressing = {"type": "Progressing", "status": "True", "lastUpdateTime": "2026-01-01T00:00:00Z"}
    return {
        "Deployment": {
            "observedGeneration": 1,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": replicas,
            "conditions": [progressing],
        },
        "Job": {"conditions": [{"type": "Complete", "status": "True"}]},
        "CronJob": {"lastSuccessfulTime": "2026-01-01T00:00:00Z"},
    }.get(manifest["kind"], {})


def _pod(deployment: dict[str, Any]) -> dict[str, Any]:
    template = copy.deepcopy(deployment["spec"]["template"])
    name, namespace = deployment["metadata"]["name"], deployment["metadata"]["namespace"]
    containers = [{"name": c["name"], "imageID": f"x@sha256:{'a' * 64}"} for c in template["spec"]["containers"]]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": f"{name}-1", "namespace": namespace},
        "spec": {**template["spec"], "nodeName": "node-1"},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": containers,
            "podIPs": [{"ip": "10.42.0.9"}],
        },
    }
