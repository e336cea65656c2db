"""A network as people made it by hand: kubectl's fields, a second tool's, and what nobody wrote down."""

import copy
import json
from typing import Any, cast

from gx.fields import LAST_APPLIED
from gx.live.kubernetes_api import KubernetesApi
from gx.operate.adopt import filled
from gx.plan.model import Plan

KUBECTL = "kubectl-client-side-apply"
HELM = "helm"
OURS = ("app.kubernetes.io/", "gx-infra/", "pulumi.com/", "pod-security.kubernetes.io/")
NOT_BY_HAND = ("Job", "PodDisruptionBudget")
"""Kinds that nobody had made: they are created."""

SECRETS = {
    "minio-credentials": {
        "MINIO_ROOT_USER": "hand-made-root",
        "MINIO_ROOT_PASSWORD": "hand-made-root-password",
        "AWS_ACCESS_KEY_ID": "hand-made-root",
        "AWS_SECRET_ACCESS_KEY": "hand-made-root-password",
    },
}
EXTRA = {"name": "DEBUG_FLAG", "value": "set-by-hand"}


def make_by_hand(api: KubernetesApi, plan: Plan) -> None:
    """Create the planned objects as kubectl and another tool would have left them."""
    order = {"ServiceAccount": 0, "ConfigMap": 1, "Secret": 1, "PersistentVolumeClaim": 2}
    for resource in sorted(plan.objects, key=lambda r: order.get(r.kind, 3)):
        skip = resource.kind in NOT_BY_HAND or resource.namespace not in ("", plan.namespace)
        if skip or resource.kind == "Namespace" or resource.object_name.startswith(("database-", "minio-provision-")):
            continue
        if resource.kind == "Secret" and resource.object_name not in SECRETS:
            continue
        manifest = _plain(filled(resource.manifest, None))
        if resource.kind == "Secret":
            manifest.pop("data", None)
            manifest["stringData"] = SECRETS[resource.object_name]
        if resource.kind == "Deployment":
            container = manifest["spec"]["template"]["spec"]["containers"][0]
            container.setdefault("env", []).append(EXTRA)
        by_kubectl(api, manifest)


def by_kubectl(api: KubernetesApi, manifest: dict[str, Any], manager: str = KUBECTL) -> None:
    """Create an object client-side, with kubectl's copy of it in an annotation."""
    made = copy.deepcopy(manifest)
    made["metadata"].setdefault("annotations", {})[LAST_APPLIED] = json.dumps(manifest)
    api.create(made, manager=manager)


def _plain(value: Any) -> Any:
    """Return a manifest without labels and annotations that only the program sets."""
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        return {key: _plain(entry) for key, entry in entries.items() if not key.startswith(OURS)}
    return [_plain(entry) for entry in cast("list[Any]", value)] if isinstance(value, list) else value
