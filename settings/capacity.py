"""Quota arithmetic: what a namespace needs at once, compared with its ResourceQuota (production.md, incident 18)."""

from decimal import Decimal

from catalogue.managed_components import ManagedComponent
from catalogue.workload_spec import Role
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


def external_groups(settings: Settings) -> list[PodGroup]:
    """Return the pods that share the namespace and are not ours; unknown ones count as the LimitRange's defaults."""
    limits = settings.stack.limit_range.container
    unknown = Resources(requests=limits.default_request, limits=limits.default)
    return [
        PodGroup(
            name=name,
            steady=configured.replicas,
            peak=configured.replicas,
            surge=0,
            per_pod=per_pod(configured.resources or unknown),
        )
        for name, configured in settings.stack.external_workloads.items()
    ]


def pod_groups(settings: Settings) -> list[PodGroup]:
    """Return all pods that the settings ask for, external workloads included."""
    stack = settings.stack
    groups = external_groups(settings)
    for name, spec in settings.workloads.items():
        managed = ManagedComponent.MESSAGING if name == "svc-messaging" else ManagedComponent.WORKLOADS
        if not settings.manages(managed):
            continue
        scaling = stack.workloads[name].autoscaling
        steady = scaling.min_replicas if scaling else settings.replicas(name, worker=spec.role is Role.WORKER)
        groups.append(
            PodGroup(
                name=name,
                steady=steady,
                peak=scaling.max_replicas if scaling else steady,
                surge=0 if spec.recreate or steady == 0 else 1,
                per_pod=per_pod(stack.workloads[name].resources),
            )
        )
    own = [
        (ManagedComponent.STORAGE, "minio", stack.minio.resources),
        (ManagedComponent.STORAGE, "minio-provision", stack.jobs),
        (ManagedComponent.DATABASE, "database-schema", stack.jobs),
        (ManagedComponent.BACKUP, BACKUP, stack.backup.resources),
        (ManagedComponent.BACKUP, RESTORE_DRILL, stack.backup.resources),
        (ManagedComponent.BACKUP, BACKUP_METRICS, stack.jobs),
    ]
    if stack.backup.offsite:
        own.append((ManagedComponent.BACKUP, OFFSITE, stack.backup.resources))
    if stack.test_users:
        own.append((ManagedComponent.DATABASE, "database-test-users", stack.jobs))
    groups += [
        PodGroup(name=name, steady=1, peak=1, surge=0, per_pod=per_pod(resources))
        for component, name, resources in own
        if settings.manages(component)
    ]
    return groups


def object_counts(settings: Settings) -> dict[str, int]:
    """Return how many Services and claims the namespace will hold, external workloads included."""
    externals = settings.stack.external_workloads.values()
    services = sum(len(configured.services) for configured in externals)
    claims = sum(configured.persistent_volume_claims for configured in externals)
    services += settings.manages(ManagedComponent.STORAGE) + settings.manages(ManagedComponent.MESSAGING)
    services += (len(settings.workloads) - 1) * settings.manages(ManagedComponent.WORKLOADS)
    claims += settings.manages(ManagedComponent.STORAGE) + settings.manages(ManagedComponent.BACKUP)
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
