"""Waits until every pod of a network and around it serves, also after the machine was stopped in between."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from common.objects import Object, mapping, sequence
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.readiness import pod_ready

SECONDS = 180
ENDED = {"Succeeded", "Failed"}


def wait_until_ready(
    api: KubernetesApi, namespaces: Iterable[str], since: float, report: Callable[[str], None], seconds: float = SECONDS
) -> list[str]:
    """Wait until every pod is ready; return the names of those that were not in time.

    Args:
        api: The cluster.
        namespaces: Whose pods count.
        since: When the node was started, in seconds of the epoch: what a pod says of an earlier run does not count.
        report: Told what is waited for.
        seconds: How long to wait.
    """
    deadline = time.monotonic() + seconds
    while True:
        pods = [pod for namespace in namespaces for pod in api.list_objects("v1", "Pod", namespace)]
        waiting = [pod["metadata"]["name"] for pod in pods if not serves(pod, since)]
        if not waiting or time.monotonic() > deadline:
            return waiting
        report(f"{len(pods) - len(waiting)} of {len(pods)} pods are ready, waiting for {waiting[0]}")
        time.sleep(0.5)


def serves(pod: Object, since: float) -> bool:
    """Whether a pod is ready in this run of its node, or has come to its end."""
    status = mapping(pod, "status")
    if status.get("phase") in ENDED:
        return True
    started = [
        mapping(container, "state", "running").get("startedAt") for container in sequence(status, "containerStatuses")
    ]
    return pod_ready(pod) and all(text and _seconds(str(text)) >= int(since) for text in started)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()
