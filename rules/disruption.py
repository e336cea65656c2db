"""A node that is drained: who has more than one pod keeps serving, and nobody holds the drain up."""

from collections.abc import Iterator

from common.objects import mapping
from common.plan import Plan
from common.pods import matches, pod_groups, pods
from rules.finding import Finding
from rules.rule import rule


@rule(
    "disruption",
    reason="Draining one node takes a whole service down, or never ends.",
    remedy="Give it a PodDisruptionBudget with maxUnavailable 1 and spread its pods; see components/workload.py.",
)
def check_disruption(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for several pods that may all go at once, and for a budget that lets none go."""
    budgets = list(plan.of_kind("PodDisruptionBudget"))
    for budget in budgets:
        location, spec = f"PodDisruptionBudget/{budget.object_name}", budget.spec
        if str(spec.get("maxUnavailable") or 0) in {"0", "0%"}:
            yield Finding(location=location, text="may let no pod go: a drain of its node would wait forever")
        if spec.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            text = "keeps pods that are not ready: a drain would wait for what is broken"
            yield Finding(location=location, text=text)
    counts = {group.name: group.steady for group in pod_groups(plan)}
    for pod in pods(plan):
        if pod.owner.kind != "Deployment" or counts.get(pod.owner.object_name, 0) < 2:  # noqa: PLR2004 several
            continue
        if not any(matches(mapping(budget.spec, "selector"), pod.labels) for budget in budgets):
            yield Finding(location=pod.location, text="has several pods and no PodDisruptionBudget")
        if "topologySpreadConstraints" not in pod.spec and "affinity" not in pod.spec:
            yield Finding(location=pod.location, text="has several pods that may all be on one node")
