"""When an object does what it is for: the conditions for which the engine waits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gx.live.deletion import deletion
from gx.live.kubernetes_api import KubernetesApi
from gx.objects import Object, mapping, sequence


@dataclass(frozen=True)
class Readiness:
    """Whether an object is ready.

    Attributes:
        ready: It is.
        failed: It never will be.
        text: What is missing.
    """

    ready: bool
    text: str = ""
    failed: bool = False


_READY = Readiness(ready=True)


def readiness(api: KubernetesApi, live: Object) -> Readiness:
    """Return whether an object is ready; kinds that nothing is awaited of are, until they are being deleted."""
    if state := deletion(live):
        return Readiness(ready=False, failed=True, text=f"it is {state}")
    check = _CHECKS.get(live["kind"])
    return check(api, live) if check else _READY


def pod_ready(pod: Object) -> bool:
    """Whether a pod says that it is ready, and stays."""
    conditions = sequence(pod, "status", "conditions")
    return not deletion(pod) and any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _rollout(live: Object, wanted: int, figures: Mapping[str, int]) -> Readiness:
    status = mapping(live, "status")
    if status.get("observedGeneration", 0) < live["metadata"]["generation"]:
        return Readiness(ready=False, text="the change has not been seen yet")
    for name, figure in figures.items():
        if int(status.get(name) or 0) != figure:
            return Readiness(ready=False, text=f"{name} {status.get(name) or 0} of {wanted}")
    return _READY


def _deployment(_api: KubernetesApi, live: Object) -> Readiness:
    wanted = int(live["spec"].get("replicas", 1))
    conditions = sequence(live, "status", "conditions")
    stuck = [c["message"] for c in conditions if c["type"] == "Progressing" and c["status"] == "False"]
    if stuck:
        return Readiness(ready=False, failed=True, text=str(stuck[0]))
    refused = [c["message"] for c in conditions if c["type"] == "ReplicaFailure" and c["status"] == "True"]
    state = _rollout(live, wanted, {"updatedReplicas": wanted, "availableReplicas": wanted, "replicas": wanted})
    return Readiness(ready=state.ready, text=" | ".join([*map(str, refused), state.text])) if refused else state


def _stateful_set(_api: KubernetesApi, live: Object) -> Readiness:
    wanted = int(live["spec"].get("replicas", 1))
    state = _rollout(live, wanted, {"updatedReplicas": wanted, "readyReplicas": wanted})
    status = mapping(live, "status")
    if state.ready and wanted and status.get("currentRevision") != status.get("updateRevision"):
        return Readiness(ready=False, text="the old revision still runs")
    return state


def _daemon_set(_api: KubernetesApi, live: Object) -> Readiness:
    wanted = int(mapping(live, "status").get("desiredNumberScheduled", 0))
    return _rollout(live, wanted, {"updatedNumberScheduled": wanted, "numberAvailable": wanted})


def _job(_api: KubernetesApi, live: Object) -> Readiness:
    conditions = sequence(live, "status", "conditions")
    ended = {str(c["type"]): str(c.get("message", "")) for c in conditions if c["status"] == "True"}
    if "Failed" in ended:
        return Readiness(ready=False, failed=True, text=f"the Job failed: {ended['Failed']}")
    return _READY if "Complete" in ended else Readiness(ready=False, text="the Job has not ended yet")


def _claim(api: KubernetesApi, live: Object) -> Readiness:
    if live.get("status", {}).get("phase") == "Bound":
        return _READY
    name = live["spec"].get("storageClassName", "")
    storage = api.get("storage.k8s.io/v1", "StorageClass", "", name) if name else None
    if storage and storage.get("volumeBindingMode") == "WaitForFirstConsumer":
        return _READY  # it binds when a pod that mounts it is scheduled
    return Readiness(ready=False, text="the claim is not bound")


def _service(api: KubernetesApi, live: Object) -> Readiness:
    spec = live["spec"]
    if not spec.get("selector") or spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None":
        return _READY
    metadata = live["metadata"]
    slices = api.list_objects(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        metadata["namespace"],
        labels=f"kubernetes.io/service-name={metadata['name']}",
    )
    endpoints = [endpoint for one in slices for endpoint in sequence(one, "endpoints")]
    if not any(mapping(endpoint, "conditions").get("ready", True) for endpoint in endpoints):
        return Readiness(ready=False, text="no ready pod matches its selector")
    return _address(api, live) if spec.get("type") == "LoadBalancer" else _READY


def _address(_api: KubernetesApi, live: Object) -> Readiness:
    published = sequence(live, "status", "loadBalancer", "ingress")
    return _READY if published else Readiness(ready=False, text="no controller has published an address")


def _quota(_api: KubernetesApi, live: Object) -> Readiness:
    same = mapping(live, "status", "hard") == mapping(live, "spec", "hard")
    return _READY if same else Readiness(ready=False, text="the quota controller has not counted yet")


_CHECKS: Mapping[str, Callable[[KubernetesApi, Object], Readiness]] = {
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "Ingress": _address,
    "Job": _job,
    "PersistentVolumeClaim": _claim,
    "ResourceQuota": _quota,
    "Service": _service,
    "StatefulSet": _stateful_set,
}
