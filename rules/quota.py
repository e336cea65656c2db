"""What the objects of a Plan need, compared with the namespace's quota and limit range."""

from collections import Counter
from collections.abc import Iterator

from common.plan import Plan
from common.pods import pod_groups, pods
from common.quantities import parse_quantity
from common.quota import shortfalls
from rules.finding import Finding, Severity
from rules.rule import rule


def object_counts(plan: Plan) -> dict[str, int]:
    """Return how many Services and claims the namespace will hold, external workloads included."""
    kinds = Counter(resource.kind for resource in plan.objects if resource.namespace == plan.namespace)
    return {
        "services": kinds["Service"] + plan.external_counts["services"],
        "persistentvolumeclaims": kinds["PersistentVolumeClaim"] + plan.external_counts["persistentvolumeclaims"],
    }


@rule(
    "quota",
    reason="At the quota Kubernetes refuses new pods: a rollout hangs.",
    remedy="Raise the figure in the stack file, or ask for less.",
)
def check_quota(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for every figure of the quota that does not hold the plan (production.md, incident 18)."""
    groups, counts = pod_groups(plan), object_counts(plan)
    quotas = [quota for quota in plan.of_kind("ResourceQuota") if quota.namespace == plan.namespace]
    if len(quotas) > 1:
        yield Finding(location=plan.namespace, text="has two ResourceQuotas: the smaller figure wins")
    for quota in quotas:
        for short in shortfalls(quota.spec["hard"], groups, counts):
            reason = plan.accepted_at_peak.get(short.figure)
            accepted = short.at_peak_only and reason is not None
            when = "at peak" if short.at_peak_only else "all the time"
            text = f"{short.figure} {short.hard} holds less than the {short.need} that are needed {when}"
            yield Finding(
                location=f"ResourceQuota/{quota.object_name}",
                text=f"{text}; accepted: {reason}" if accepted else text,
                severity=Severity.NOTE if accepted else Severity.ERROR,
            )


@rule(
    "limit-range",
    reason="The LimitRange refuses the pod.",
    remedy="Move the container's figures between its minimum and maximum.",
    live=True,
)
def check_limit_range(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for every container that the LimitRange would refuse (production.md, incident 19)."""
    for limit_range in plan.of_kind("LimitRange"):
        bounds = [bound for bound in limit_range.spec.get("limits", []) if bound.get("type") == "Container"]
        for pod in (pod for pod in pods(plan) if pod.owner.namespace == limit_range.namespace):
            for container in pod.containers:
                for bound in bounds:
                    for name in ("cpu", "memory"):
                        request = container.get("resources", {}).get("requests", {}).get(name, "0")
                        limit = container.get("resources", {}).get("limits", {}).get(name, "0")
                        if parse_quantity(request) < parse_quantity(bound.get("min", {}).get(name, "0")):
                            yield Finding(
                                location=pod.location,
                                text=f"requests {request} of {name}, the LimitRange wants {bound['min'][name]} or more",
                            )
                        if name in bound.get("max", {}) and parse_quantity(limit) > parse_quantity(bound["max"][name]):
                            yield Finding(
                                location=pod.location,
                                text=f"limits {name} to {limit}, the LimitRange allows {bound['max'][name]}",
                            )
