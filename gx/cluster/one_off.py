"""One-off Jobs: what an operator starts once, made from a Job or CronJob that the network already has."""

import copy
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from common.errors import InputError, begun, note_change
from common.labels import NAME
from common.objects import Object
from gx.cluster.deletion import deletion
from gx.cluster.kubernetes_api import ApiError, KubernetesApi
from gx.cluster.refusals import explained

POLL_SECONDS = 1.0
UNSEEN_SECONDS = 120  # how long a pod may take to start before the person hears of it


def one_off(owner: Object, name: str, namespace: str, *, command: list[str], env: list[dict[str, Any]]) -> Object:
    """Return a Job with the pods of another one, another command, and variables that replace those of the same name.

    It goes when its owner goes: a pod that has ended still holds its volumes, and the claim could not be deleted.

    Args:
        owner: The live Job or CronJob: image, node selector, volumes and limits are taken from it.
        name: Its name.
        namespace: Its namespace.
        command: What its one container runs.
        env: Variables of its one container.

    Raises:
        InputError: The owner is being deleted.
    """
    if state := deletion(owner):
        raise InputError(
            file=f"{owner['kind']} {namespace}/{owner['metadata']['name']}",
            consequence=f"is {state}: a Job made from it would go with it",
            fix="bring it back first: `pulumi up`",
        )
    kind = "CronJob" if "jobTemplate" in owner["spec"] else "Job"
    spec = copy.deepcopy(owner["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else owner["spec"])
    meta = owner["metadata"]
    reference = {"apiVersion": "batch/v1", "kind": kind, "name": meta["name"], "uid": meta["uid"]}
    pod = spec["template"]
    container = pod["spec"]["containers"][0]
    container["command"] = command
    names = {variable["name"] for variable in env}
    container["env"] = [v for v in container.get("env", []) if v["name"] not in names] + env
    for field in ("selector", "manualSelector", "completionMode", "suspend"):
        spec.pop(field, None)
    owned = pod["metadata"].get("labels", {})
    labels = {key: text for key, text in owned.items() if not key.endswith(("controller-uid", "job-name"))}
    pod["metadata"] = {"labels": {**labels, NAME: name}}
    spec["backoffLimit"] = 0  # it says once what it found; an operator decides what comes next
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {NAME: name},
            "ownerReferences": [{**reference, "blockOwnerDeletion": True}],
        },
        "spec": spec,
    }


def run_to_the_end(api: KubernetesApi, job: Object, console: Console) -> bool:
    """Create a Job, wait for it, show what it wrote; return whether it succeeded.

    Raises:
        InputError: The cluster refuses the Job or cannot be reached.
        Interrupted: The Job goes on, if it had not ended.
    """
    namespace, name = job["metadata"]["namespace"], job["metadata"]["name"]
    state = f"Job {namespace}/{name} goes on in the cluster, if it was made; `kubectl delete job` ends it"
    with explained(api, key=f"Job {name}", fix="see its message; what has begun goes on in the cluster"):
        with begun(state):
            api.create(job)
            console.print(f"Job {namespace}/{name} is created ...")
            succeeded = _wait(api, namespace, name, console)
        note_change(name, f"Job {namespace}/{name} has {'done its work' if succeeded else 'failed'}")
        _show_log(api, namespace, name, console)
    return succeeded


def _wait(api: KubernetesApi, namespace: str, name: str, console: Console) -> bool:
    started, told = time.monotonic(), False
    while True:
        live = api.get("batch/v1", "Job", namespace, name)
        if live is None:
            consequence = "was deleted before it ended: nobody knows how far it came"
            raise InputError(
                file=api.origin, key=f"Job {namespace}/{name}", consequence=consequence, fix="start it again"
            )
        status: Mapping[str, Any] = live.get("status", {})
        for condition in status.get("conditions", []):
            if condition["status"] == "True" and condition["type"] in ("Complete", "Failed"):
                return bool(condition["type"] == "Complete")
        if not told and not status.get("ready") and time.monotonic() - started > UNSEEN_SECONDS:
            console.print(f"no pod after {UNSEEN_SECONDS} s; `kubectl -n {namespace} describe job {name}` says why")
            told = True
        time.sleep(POLL_SECONDS)


def _show_log(api: KubernetesApi, namespace: str, name: str, console: Console) -> None:
    for pod in api.list_objects("v1", "Pod", namespace, labels=f"batch.kubernetes.io/job-name={name}"):
        try:
            console.print(api.pod_log(namespace, pod["metadata"]["name"]).rstrip())
        except ApiError as error:
            console.print(f"the log of {pod['metadata']['name']} cannot be read: {error.message}")
