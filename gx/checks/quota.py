"""What the objects of a Plan need, compared with the namespace's quota and limit range."""

from collections import Counter
from collections.abc import Iterator

from gx.capacity import shortfalls
from gx.checks.finding import Finding, Severity
from gx.plan.model import Plan
from gx.plan.pods import pod_groups, pods
from gx.quantities import parse_quantity


def object_counts(plan: Plan) -> dict[str, int]:
    """Return how many Services and claims the namespace will hold, neighbours' included."""
    kinds = Counter(resource.kind for resource in plan.objects if resource.namespace == plan.namespace)
    return {
        "services": kinds["Service"] + plan.neighbour_counts["services"],
        "persistentvolumeclaims": kinds["PersistentVolumeClaim"] + plan.neighbour_counts["persistentvolumeclaims"],
    }


def check_quota(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for every figure of the quota that does not hold the plan (production.md 15: incident 18)."""
    groups, counts = pod_groups(plan), object_counts(plan)
    quotas = [quota for quota in plan.of_kind("ResourceQuota") if quota.namespace == plan.namespace]
    if len(quotas) > 1:
        yield Finding(check="quota", place=plan.namespace, text="has two ResourceQuotas: the smaller figure wins")
    for quota in quotas:
        for short in shortfalls(quota.spec["hard"], groups, counts):
            reason = plan.accepted_at_peak.get(short.figure)
            accepted = short.at_peak_only and reason is not None
            when = "at peak" if short.at_peak_only else "all the time"
            text = f"{short.figure} {short.hard} holds less than the {short.need} that are needed {when}"
            yield Finding(
                check="quota",
                place=f"ResourceQuota/{quota.object_name}",
                text=f"{text}; accepted: {reason}" if accepted else text,
                severity=Severity.NOTE if accepted else Severity.ERROR,
            )


def check_limit_range(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for every container that the LimitRange would refuse (production.md 15: incident 19)."""
    for limit_range in plan.of_kind("LimitRange"):
        rules = [rule for rule in limit_range.spec["limits"] if rule["type"] == "Container"]
        for pod in (pod for pod in pods(plan) if pod.owner.namespace == limit_range.namespace):
            for container in pod.containers:
                for rule in rules:
                    for name in ("cpu", "memory"):
                        request = container.get("resources", {}).get("requests", {}).get(name, "0")
                        limit = container.get("resources", {}).get("limits", {}).get(name, "0")
                        if parse_quantity(request) < parse_quantity(rule.get("min", {}).get(name, "0")):
                            yield Finding(
                                check="limit-range",
                                place=pod.place,
                                text=f"requests {request} of {name}, the LimitRange wants {rule['min'][name]} or more",
                            )
                        if name in rule.get("max", {}) and parse_quantity(limit) > parse_quantity(rule["max"][name]):
                            yield Finding(
                                check="limit-range",
                                place=pod.place,
                                text=f"limits {name} to {limit}, the LimitRange allows {rule['max'][name]}",
                            )
