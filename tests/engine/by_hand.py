"""A network as people made it by hand: in every way in which objects are made, and with what nobody wrote down."""

import copy
import json
import os
from collections.abc import Callable
from enum import StrEnum
from typing import Any, cast

from common.fields import LAST_APPLIED
from common.objects import sequence
from common.plan import Plan
from gx.adoption.adopt import filled
from gx.cluster.kubernetes_api import KubernetesApi

ROTATION = int(os.environ.get("GX_TEST_ROTATION", "0"))
"""Which object is made in which way: `make soak` tries every rotation, so that each kind meets each way."""
OURS = ("app.kubernetes.io/", "gx-infra/", "gxcoin.money/config", "pulumi.com/", "pod-security.kubernetes.io/")
NOT_BY_HAND = ("Job", "PodDisruptionBudget")
"""Kinds that nobody had made: they are created."""
RELEASE = "gx-backend"
FINALIZER = "operator.example/watch"

SECRETS = {
    "minio-credentials": {
        "MINIO_ROOT_USER": "hand-made-root",
        "MINIO_ROOT_PASSWORD": "hand-made-root-password",
        "AWS_ACCESS_KEY_ID": "hand-made-root",
        "AWS_SECRET_ACCESS_KEY": "hand-made-root-password",
    },
}
EXTRA = {"name": "DEBUG_FLAG", "value": "set-by-hand"}


class Way(StrEnum):
    """How an object was made; each leaves other owners of its fields."""

    APPLY = "kubectl apply"
    SERVER_SIDE = "kubectl apply --server-side"
    CREATE = "kubectl create"
    EDIT = "kubectl create, edit"
    PATCH = "kubectl create, patch"
    HELM = "helm install"
    OPERATOR = "an operator"


PRUNED = (Way.APPLY, Way.SERVER_SIDE, Way.CREATE, Way.EDIT, Way.PATCH)
"""Ways whose fields the provider makes its own, and prunes, with the first update."""
_FIXED = {"ConfigMap/backend-config": Way.APPLY, "Deployment/svc-tax": Way.APPLY}
"""What some tests delete and make again, or ask for by name."""


def make_by_hand(api: KubernetesApi, plan: Plan) -> dict[str, Way]:
    """Create the planned objects, every second one with a difference; return how each was made, by "Kind/name"."""
    order = {"ServiceAccount": 0, "ConfigMap": 1, "Secret": 1, "PersistentVolumeClaim": 2}
    ways: dict[str, Way] = {}
    counts: dict[str, int] = {}
    for resource in sorted(plan.objects, key=lambda r: order.get(r.kind, 3)):
        skip = resource.kind in NOT_BY_HAND or resource.namespace not in ("", plan.namespace)
        if skip or resource.kind == "Namespace" or resource.object_name.startswith(("database-", "minio-provision-")):
            continue
        if resource.kind == "Secret" and resource.object_name not in SECRETS:
            continue
        manifest = plain(filled(resource.manifest, None))
        number = counts[resource.kind] = counts.get(resource.kind, -1) + 1
        if resource.kind == "Secret":
            manifest.pop("data", None)
            manifest["stringData"] = SECRETS[resource.object_name]
        if resource.kind == "Deployment":
            container = manifest["spec"]["template"]["spec"]["containers"][0]
            container.setdefault("env", []).append(EXTRA)
        way = _FIXED.get(resource.location) or list(Way)[(number + ROTATION) % len(Way)]
        if number % 2 and resource.location not in _FIXED:
            _DIFFERENT.get(resource.kind, lambda _: None)(manifest)
        make(api, manifest, way)
        ways[resource.location] = way
    return ways


def make(api: KubernetesApi, manifest: dict[str, Any], way: Way = Way.APPLY) -> None:
    """Create one object as a way leaves it."""
    made = copy.deepcopy(manifest)
    metadata = made["metadata"]
    match way:
        case Way.APPLY:
            metadata.setdefault("annotations", {})[LAST_APPLIED] = json.dumps(manifest)
            api.create(made, manager="kubectl-client-side-apply")
        case Way.SERVER_SIDE:
            api.apply(made, manager="kubectl")
        case Way.CREATE:
            api.create(made, manager="kubectl-create")
        case Way.EDIT:
            api.patch(api.create(made, manager="kubectl-create"), _NOTE, manager="kubectl-edit")
        case Way.PATCH:
            api.patch(api.create(made, manager="kubectl-create"), _NOTE, manager="kubectl-patch")
        case Way.HELM:
            metadata.setdefault("labels", {})["app.kubernetes.io/managed-by"] = "Helm"
            metadata.setdefault("annotations", {})["meta.helm.sh/release-name"] = RELEASE
            api.create(made, manager="helm")
        case Way.OPERATOR:
            api.create({**made, "metadata": {**metadata, "finalizers": [FINALIZER]}}, manager="operator")


_NOTE = {"metadata": {"annotations": {"note": "changed by hand"}}}


def _config_map(manifest: dict[str, Any]) -> None:
    key = min(manifest["data"])
    manifest["data"][key] += " "


def _container(manifest: dict[str, Any]) -> None:
    manifest["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"


def _policy(manifest: dict[str, Any]) -> None:
    for direction in ("ingress", "egress"):
        for rule in sequence(manifest, "spec", direction):
            if ports := sequence(rule, "ports"):
                ports.append({"protocol": "TCP", "port": 9999})


def _schedule(manifest: dict[str, Any]) -> None:
    manifest["spec"]["schedule"] = "7 7 7 7 *"


def _service(manifest: dict[str, Any]) -> None:
    manifest["spec"]["ports"][0]["targetPort"] = 9999


_DIFFERENT: dict[str, Callable[[dict[str, Any]], None]] = {
    "ConfigMap": _config_map,
    "CronJob": _schedule,
    "Deployment": _container,
    "NetworkPolicy": _policy,
    "Service": _service,
}
"""What adoption will change, by kind."""


def plain(value: Any) -> Any:
    """Return a manifest without labels and annotations that only the program sets."""
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        return {key: plain(entry) for key, entry in entries.items() if not key.startswith(OURS)}
    return [plain(entry) for entry in cast("list[Any]", value)] if isinstance(value, list) else value
