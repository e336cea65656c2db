"""The connection tables of a cluster's nodes, each read by a pod that lives for a moment."""

import secrets
import time
from contextlib import suppress

from common.errors import InputError, uninterrupted
from common.labels import NAME
from common.naming import DNS_NAMESPACE
from common.objects import Object, mapping, sequence
from gx.cluster.kubernetes_api import ApiError, KubernetesApi, UnreachableError
from gx.cluster.refusals import explained
from gx.reachability.observed import Connection, connections

SECONDS = 60
_TABLE = "/proc/net/nf_conntrack"
_LOOK = "gx-look"
_ENDED = ("Succeeded", "Failed")


def observe(api: KubernetesApi, image: str) -> tuple[int, list[Connection]]:
    """Return how many nodes were asked, and the connections that they know: now, and for TCP of the last two minutes.

    Args:
        api: The cluster.
        image: An image with `cat` that every node can get.

    Raises:
        InputError: A node did not answer; no pod is left.
    """
    nodes = [node["metadata"]["name"] for node in api.list_objects("v1", "Node") if _ready(node)]
    pods = [_pod(node, image) for node in nodes]
    fix = f"pods may be created in {DNS_NAMESPACE}, and their logs read, by an administrator"
    try:
        with explained(api, consequence="the nodes were not looked at", fix=fix):
            for pod in pods:
                api.create(pod)
            return len(nodes), [one for pod in pods for one in connections(_said(api, pod))]
    finally:
        with uninterrupted():
            _delete(api, {pod["metadata"]["name"] for pod in pods})


def _delete(api: KubernetesApi, ours: set[str]) -> None:
    """Delete the pods of this run, and those of an interrupted one, which have ended by themselves."""
    with suppress(ApiError, UnreachableError):
        for pod in api.list_objects("v1", "Pod", DNS_NAMESPACE, labels=f"{NAME}={_LOOK}"):
            name = pod["metadata"]["name"]
            if name in ours or mapping(pod, "status").get("phase") in _ENDED:
                api.delete("v1", "Pod", DNS_NAMESPACE, name, propagation="Background")


def _ready(node: Object) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in sequence(node, "status", "conditions"))


def _pod(node: str, image: str) -> Object:
    """Return a pod in the node's own network that prints the table and ends."""
    container = {
        "name": "look",
        "image": image,
        "command": ["cat", _TABLE],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsUser": 0,  # the file is root's
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{_LOOK}-{secrets.token_hex(4)}", "namespace": DNS_NAMESPACE, "labels": {NAME: _LOOK}},
        "spec": {
            "nodeName": node,
            "hostNetwork": True,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": SECONDS,
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
        },
    }


def _said(api: KubernetesApi, pod: Object) -> str:
    """Return what a pod has printed.

    Raises:
        InputError: It failed, or did not end in time.
    """
    name, deadline = pod["metadata"]["name"], time.monotonic() + SECONDS
    phase = ""
    while phase not in _ENDED and time.monotonic() < deadline:
        time.sleep(0.5)
        phase = str(mapping(api.get("v1", "Pod", DNS_NAMESPACE, name) or {}, "status").get("phase", ""))
    if phase == "Succeeded":
        return api.pod_log(DNS_NAMESPACE, name)
    why = "it has no such table" if phase == "Failed" else f"its pod is {phase or 'not there'} after {SECONDS} s"
    fix = f"modprobe nf_conntrack, or ask `conntrack -L` there; the image is {pod['spec']['containers'][0]['image']}"
    raise InputError(file=pod["spec"]["nodeName"], key=_TABLE, consequence=f"was not read: {why}", fix=fix)
