"""What a network's workloads run, and since when."""

from dataclasses import dataclass
from datetime import UTC, datetime

from catalogue import CATALOGUE
from common.objects import Object, sequence
from gx.cluster.deletion import deletion
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.readiness import rolled_out
from settings.settings import Settings

NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, kw_only=True)
class RunningWorkload:
    """One Deployment as it is.

    Attributes:
        image: The image that its pods are told to run.
        rolled: Whether every pod runs it.
        since: When its last rollout came to its end.
        deletion: Since when it is being deleted; empty while it is not.
    """

    image: str
    rolled: bool
    since: datetime
    deletion: str = ""


@dataclass(frozen=True, kw_only=True)
class Running:
    """The workloads of the catalogue that the cluster has, by name."""

    workloads: dict[str, RunningWorkload]

    @property
    def since(self) -> datetime:
        """When the newest of all rollouts came to its end."""
        return max((workload.since for workload in self.workloads.values()), default=NEVER)

    def is_set_of(self, settings: Settings) -> bool:
        """Return whether the workloads are told to run the set of the release file, be they ready or not."""
        told = {name: workload.image for name, workload in self.workloads.items()}
        return all(told.get(name) == settings.image(name) for name in CATALOGUE)

    def problems(self, settings: Settings) -> list[str]:
        """Return where it differs from the release file of the network."""
        gone = [name for name in self.workloads if name not in settings.workloads]
        found = [f"{name} runs, and the release file calls it absent" for name in gone]
        for name in settings.workloads:
            workload = self.workloads.get(name)
            if workload is None:
                found.append(f"{name} does not run")
            elif workload.deletion:
                found.append(f"{name} is {workload.deletion}")
            elif workload.image != settings.image(name):
                found.append(f"{name} runs {workload.image}, not {settings.image(name)}")
            elif not workload.rolled:
                found.append(f"{name} is still rolling")
        return found

    def changed(self, later: "Running") -> list[str]:
        """Return the workloads whose image or rollout is another one later. Pods that restart change neither."""
        then = {name: (workload.image, workload.since, workload.deletion) for name, workload in self.workloads.items()}
        now = {name: (workload.image, workload.since, workload.deletion) for name, workload in later.workloads.items()}
        return sorted(name for name in {*then, *now} if then.get(name) != now.get(name))


def running(api: KubernetesApi, settings: Settings) -> Running:
    """Read the Deployments of a network's workloads."""
    found: dict[str, RunningWorkload] = {}
    for deployment in api.list_objects("apps/v1", "Deployment", settings.network.namespace):
        name = deployment["metadata"]["name"]
        if name in CATALOGUE:
            images = [c.get("image", "") for c in sequence(deployment, "spec", "template", "spec", "containers")]
            found[name] = RunningWorkload(
                image=str(next(iter(images), "")),
                rolled=rolled_out(deployment),
                since=_since(deployment),
                deletion=deletion(deployment),
            )
    return Running(workloads=found)


def _since(deployment: Object) -> datetime:
    """The condition Progressing is written last when a rollout has come to its end."""
    written = deployment["metadata"].get("creationTimestamp")
    for condition in sequence(deployment, "status", "conditions"):
        if condition.get("type") == "Progressing":
            written = condition.get("lastUpdateTime") or written
    return datetime.fromisoformat(written) if written else NEVER
