"""Quota arithmetic: what a namespace needs at once, compared with its ResourceQuota (production.md, incident 18)."""

from decimal import Decimal

from catalogue.model import Role
from catalogue.steps import Wave
from common.errors import InputError
from common.naming import BACKUP, BACKUP_METRICS, OFFSITE, RESTORE_DRILL
from common.quantities import parse_quantity
from common.quota import PodGroup, shortfalls
from settings.fields import Resources
from settings.project import PROJECT, stack_file
from settings.settings import Settings

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


def per_pod(resources: Resources) -> dict[str, Decimal]:
    """Return the four figures of a pod with one container."""
    return {
        f"{kind}.{name}": parse_quantity(getattr(pair, name))
        for kind, pair in (("requests", resources.requests), ("limits", resources.limits))
        for name in ("cpu", "memory")
    }


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
