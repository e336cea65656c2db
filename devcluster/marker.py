"""The proof that a cluster is a toy: a marker that only a command of ours writes (takeover.md 29).

An address proves nothing: k3s's own kubeconfig says 127.0.0.1 on production's nodes, and so does an SSH tunnel.
"""

from typing import Any, cast

from catalogue.nodes import NODES
from common.errors import InputError
from common.objects import mapping
from gx.cluster.kubernetes_api import KubernetesApi

NAMESPACE, NAME = "kube-system", "gx-local"
MANAGER = "gx-local"
"""Field manager of everything that the local command writes into a cluster."""
SIMULATED = "kwok.x-k8s.io/node"
"""Annotation of nodes that exist in the API server only."""


def marker(uid: str) -> dict[str, Any]:
    """Return the marker of the cluster with this uid; copied to another cluster it proves nothing there."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "data": {"clusterUid": uid, "meaning": "made for trials: gx may create and delete anything here"},
    }


def refuse_production(api: KubernetesApi) -> None:
    """Refuse a cluster with a real node of production's.

    Raises:
        InputError: A node has a production node's name and is not simulated.
    """
    names = {node.name for node in NODES}
    for node in api.list_objects("v1", "Node"):
        metadata = cast("dict[str, Any]", node["metadata"])
        if metadata["name"] in names and SIMULATED not in mapping(metadata, "annotations"):
            raise InputError(
                file=api.origin,
                key=f"node {metadata['name']}",
                consequence="is a node of the production cluster: no local command touches it",
                fix="choose the context of a cluster made for trials",
            )


def require_local(api: KubernetesApi) -> None:
    """Refuse every cluster that is not marked as local.

    Raises:
        InputError: The marker is missing or another cluster's, or the cluster has production's nodes.
        UnreachableError: Nobody answered.
        ApiError: The cluster does not let us look.
    """
    refuse_production(api)
    found = api.get("v1", "ConfigMap", NAMESPACE, NAME)
    uid = api.uid()
    if found is None:
        raise InputError(
            file=api.origin,
            consequence=f"the cluster at {api.server} is not marked as local, nothing was changed",
            fix="choose another context, or mark a cluster made for trials with `gx local mark --context NAME`",
        )
    if mapping(found, "data").get("clusterUid") != uid:
        raise InputError(
            file=api.origin,
            key=f"ConfigMap {NAMESPACE}/{NAME}",
            consequence="is the marker of another cluster, copied or restored here; nothing was changed",
            fix="choose another context, or delete that ConfigMap and mark the cluster again",
        )
