"""When a pod is ready, and how a Job ended."""

from dataclasses import dataclass

from gx.live.deletion import deletion
from gx.objects import Object, sequence


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


def job_ended(live: Object) -> Readiness:
    """Return whether a Job has ended well, or never will."""
    if state := deletion(live):
        return Readiness(ready=False, failed=True, text=f"it is {state}")
    conditions = sequence(live, "status", "conditions")
    ended = {str(c["type"]): str(c.get("message", "")) for c in conditions if c["status"] == "True"}
    if "Failed" in ended:
        return Readiness(ready=False, failed=True, text=f"the Job failed: {ended['Failed']}")
    return Readiness(ready=True) if "Complete" in ended else Readiness(ready=False, text="the Job has not ended yet")
