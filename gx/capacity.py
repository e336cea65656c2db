"""Quota arithmetic: what a namespace needs at once, compared with its ResourceQuota (production.md 15: incident 18)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from gx.catalogue.model import Role
from gx.errors import InputError
from gx.naming import BACKUP, BACKUP_METRICS, OFFSITE, RESTORE_DRILL
from gx.quantities import format_bytes, format_cores, parse_quantity
from gx.settings.fields import Resources
from gx.settings.project import PROJECT, stack_file
from gx.settings.settings import Settings
from gx.steps import Wave

POD_FIGURES = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory", "pods")
KEYS = {
    "requests.cpu": "requestsCpu",
    "requests.memory": "requestsMemory",
    "limits.cpu": "limitsCpu",
    "limits.memory": "limitsMemory",
    "pods": "pods",
    "services": "services",
    "persistentvolumeclaims": "persistentVolumeClaims",
}
"""Where each figure of a ResourceQuota stands in the stack file, below `quota`."""


@dataclass(frozen=True, kw_only=True)
class PodGroup:
    """Pods of one controller.

    Attributes:
        name: Who they are, for a message.
        steady: How many always run; of a Job, how many may run.
        peak: How many run at most, where an autoscaler may add some.
        surge: How many more run while it rolls.
        per_pod: requests.cpu, requests.memory, limits.cpu and limits.memory of one pod, in cores and bytes.
    """

    name: str
    steady: int
    peak: int
    surge: int
    per_pod: Mapping[str, Decimal]

    def figure(self, name: str) -> Decimal:
        """Return one figure of a single pod; a pod counts as one of `pods`."""
        return Decimal(1) if name == "pods" else self.per_pod.get(name, Decimal(0))


@dataclass(frozen=True)
class Shortfall:
    """A figure of the quota that does not hold the need.

    Attributes:
        figure: The quota's figure, such as requests.cpu.
        hard: What the quota allows, as written.
        need: What is needed, as people write it.
        at_peak_only: The steady need fits; only autoscaler maximum and all rollouts at once do not.
    """

    figure: str
    hard: str
    need: str
    at_peak_only: bool


def per_pod(resources: Resources) -> dict[str, Decimal]:
    """Return the four figures of a pod with one container."""
    return {
        f"{kind}.{name}": parse_quantity(getattr(pair, name))
        for kind, pair in (("requests", resources.requests), ("limits", resources.limits))
        for name in ("cpu", "memory")
    }


def needed(groups: Sequence[PodGroup], figure: str, *, peak: bool) -> Decimal:
    """Return how much of a figure the pods need at once.

    Steady: everything runs and the largest single rollout is under way. Peak: every autoscaler is at its maximum
    and everything rolls at the same time, as it does when a shared ConfigMap changes.
    """
    surges = [group.figure(figure) * group.surge for group in groups]
    running = sum((group.figure(figure) * (group.peak if peak else group.steady) for group in groups), Decimal(0))
    return running + (sum(surges, Decimal(0)) if peak else max(surges, default=Decimal(0)))


@dataclass(frozen=True, kw_only=True)
class Need:
    """One figure of a quota and what is needed of it.

    Attributes:
        figure: The quota's figure, such as requests.cpu.
        hard: What the quota allows, as written.
        limit: The same as a number.
        steady: What is needed all the time.
        peak: What is needed when every autoscaler is at its maximum and everything rolls.
    """

    figure: str
    hard: str
    limit: Decimal
    steady: Decimal
    peak: Decimal


def needs(hard: Mapping[str, str], groups: Sequence[PodGroup], counts: Mapping[str, int]) -> Iterable[Need]:
    """Yield every figure of a quota with what is needed of it; arguments as those of `shortfalls`."""
    for figure, allowed in hard.items():
        if figure in POD_FIGURES:
            steady, peak = (needed(groups, figure, peak=at_peak) for at_peak in (False, True))
        else:
            steady = peak = Decimal(counts.get(figure, 0))
        yield Need(figure=figure, hard=allowed, limit=parse_quantity(allowed), steady=steady, peak=peak)


def shortfalls(hard: Mapping[str, str], groups: Sequence[PodGroup], counts: Mapping[str, int]) -> Iterable[Shortfall]:
    """Yield every figure of a quota that is too small.

    Args:
        hard: The quota's figures.
        groups: All pods of the namespace, neighbours' included.
        counts: How many Services and PersistentVolumeClaims there are.
    """
    for need in needs(hard, groups, counts):
        if need.peak > need.limit:
            at_peak_only = need.steady <= need.limit
            amount = need.peak if at_peak_only else need.steady
            yield Shortfall(need.figure, need.hard, show(need.figure, amount), at_peak_only=at_peak_only)


def show(figure: str, amount: Decimal) -> str:
    """Return an amount of a figure as people write it."""
    if figure.endswith("memory"):
        return format_bytes(amount)
    return format_cores(amount) if figure.endswith("cpu") else str(int(amount))


def neighbour_groups(settings: Settings) -> list[PodGroup]:
    """Return the pods that share the namespace and are not ours; unknown ones count as the LimitRange's defaults."""
    limits = settings.stack.limit_range.container
    unknown = Resources(requests=limits.default_request, limits=limits.default)
    return [
        PodGroup(
            name=name,
            steady=numbers.replicas,
            peak=numbers.replicas,
            surge=0,
            per_pod=per_pod(numbers.resources or unknown),
        )
        for name, numbers in settings.stack.neighbours.items()
    ]


def pod_groups(settings: Settings) -> list[PodGroup]:
    """Return all pods that the settings ask for, neighbours included."""
    stack = settings.stack
    groups = neighbour_groups(settings)
    for name, shape in settings.workloads.items():
        managed = Wave.MESSAGING if name == "svc-messaging" else Wave.WORKLOADS
        if not settings.manages(managed):
            continue
        scaling = stack.workloads[name].autoscaling
        steady = scaling.min_replicas if scaling else settings.replicas(name, worker=shape.role is Role.WORKER)
        groups.append(
            PodGroup(
                name=name,
                steady=steady,
                peak=scaling.max_replicas if scaling else steady,
                surge=0 if shape.recreate or steady == 0 else 1,
                per_pod=per_pod(stack.workloads[name].resources),
            )
        )
    own = [
        (Wave.STORAGE, "minio", stack.minio.resources),
        (Wave.STORAGE, "minio-provision", stack.jobs),
        (Wave.DATABASE, "database-schema", stack.jobs),
        (Wave.BACKUP, BACKUP, stack.backup.resources),
        (Wave.BACKUP, RESTORE_DRILL, stack.backup.resources),
        (Wave.BACKUP, BACKUP_METRICS, stack.jobs),
    ]
    if stack.backup.offsite:
        own.append((Wave.BACKUP, OFFSITE, stack.backup.resources))
    if stack.test_users:
        own.append((Wave.DATABASE, "database-test-users", stack.jobs))
    groups += [
        PodGroup(name=name, steady=1, peak=1, surge=0, per_pod=per_pod(resources))
        for wave, name, resources in own
        if settings.manages(wave)
    ]
    return groups


def object_counts(settings: Settings) -> dict[str, int]:
    """Return how many Services and claims the namespace will hold, neighbours' included."""
    neighbours = settings.stack.neighbours.values()
    services = sum(len(numbers.services) for numbers in neighbours)
    claims = sum(numbers.persistent_volume_claims for numbers in neighbours)
    services += settings.manages(Wave.STORAGE) + settings.manages(Wave.MESSAGING)
    services += (len(settings.workloads) - 1) * settings.manages(Wave.WORKLOADS)
    claims += settings.manages(Wave.STORAGE) + settings.manages(Wave.BACKUP)
    return {"services": services, "persistentvolumeclaims": claims}


def check_capacity(settings: Settings) -> None:
    """Refuse a quota that does not hold what the settings ask for.

    Raises:
        InputError: A figure is too small and its shortfall at peak is not accepted with a reason.
    """
    quota = settings.stack.quota
    for short in shortfalls(quota.hard(), pod_groups(settings), object_counts(settings)):
        if short.at_peak_only and short.figure in quota.accepted_at_peak:
            continue
        when = "when everything rolls at the autoscalers' maximum" if short.at_peak_only else "all the time"
        raise InputError(
            file=stack_file(settings.network.name),
            key=f"{PROJECT}:quota.{KEYS[short.figure]}",
            value=repr(short.hard),
            consequence=f"the network needs {short.need} {when}: Kubernetes would refuse pods or objects",
            fix=f"raise it to {short.need} or lower what the workloads ask for",
        )
