"""When a pod is ready, when a Deployment is rolled out, and how a Job ended."""

from dataclasses import dataclass

from common.objects import Object, mapping, sequence
from gx.cluster.deletion import deletion


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


def pod_ready(pod: Object) -> bool:
    """Whether a pod says that it is ready, and stays."""
    conditions = sequence(pod, "status", "conditions")
    return not deletion(pod) and any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def rolled_out(deployment: Object) -> bool:
    """Whether every pod of a Deployment is of its newest revision and ready."""
    status, wanted = mapping(deployment, "status"), mapping(deployment, "spec").get("replicas", 1)
    seen = status.get("observedGeneration") == deployment["metadata"].get("generation")
    return seen and {status.get(field, 0) for field in ("replicas", "updatedReplicas", "readyReplicas")} == {wanted}


def job_ended(live: Object) -> Readiness:
    """Return whether a Job has ended well, or never will."""
    if state := deletion(live):
        return Readiness(ready=False, failed=True, text=f"it is {state}")
    conditions = sequence(live, "status", "conditions")
    ended = {str(c.get("type")): str(c.get("message", "")) for c in conditions if c.get("status") == "True"}
    if "Failed" in ended:
        return Readiness(ready=False, failed=True, text=f"the Job failed: {ended['Failed']}")
    return Readiness(ready=True) if "Complete" in ended else Readiness(ready=False, text="the Job has not ended yet")
