"""Traffic that must get through, and policies that do something: evaluated as the cluster would."""

from collections.abc import Iterator

from common.cluster import INGRESS_CONTROLLERS
from common.naming import MONITORING_NAMESPACE
from common.plan import Plan, Resource
from common.pods import Pod, PodIndex
from rules.finding import Finding, Severity
from rules.reachability.matrix import Matrix
from rules.reachability.outvoted import not_in_force, opened
from rules.reachability.semantics import Policies
from rules.reachability.world import endpoints, old_policies, planned_policies, pod_name
from rules.rule import rule

_DIRECTIONS = ("ingress", "egress")


@rule(
    "reachability",
    reason="A service cannot reach what it needs, or somebody reaches what he must not.",
    remedy="See `gx reach`; flows come from the catalogue.",
)
def check_reachability(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for traffic that is cut off (incidents 6, 7, 25), and for pods, policies and Services left over.

    Left over are a pod that no policy isolates, a policy that selects no pod, and a Service that nobody can reach. A
    namespace in which the stack does not manage policies yet is left alone: adoption brings them later.
    """
    policies, index = planned_policies(plan), PodIndex(plan)
    matrix = Matrix(endpoints(plan), policies)
    yield from _cut_off(plan, index, matrix)
    yield from _left_over(plan, index, matrix, policies)


@rule(
    "old-policies",
    reason="Policies only add up: what one of them allows, no default deny can deny.",
    remedy="See what uses them (`gx reach --context C --observe`), then enable the feature gate retire-old-policies.",
)
def check_old_policies(plan: Plan) -> Iterator[Finding]:
    """Yield a finding while policies made by hand open what the program's own ones close."""
    if text := not_in_force(opened(plan, old_policies(plan))):
        yield Finding(location=plan.namespace, text=text, severity=Severity.WARNING)


def _cut_off(plan: Plan, index: PodIndex, matrix: Matrix) -> Iterator[Finding]:
    controller = INGRESS_CONTROLLERS[plan.controller].namespace
    for pod, port in _backends(plan, index):
        if not matrix.reaches(controller, pod_name(pod), port):
            yield Finding(location=pod.location, text=f"the ingress controller cannot reach port {port}")
    for pod in index.all:
        if pod.annotations.get("prometheus.io/scrape") == "true":
            port = int(pod.annotations["prometheus.io/port"])
            if not matrix.reaches(MONITORING_NAMESPACE, pod_name(pod), port):
                yield Finding(location=pod.location, text=f"Prometheus cannot reach port {port}")


def _backends(plan: Plan, index: PodIndex) -> Iterator[tuple[Pod, int]]:
    services = {service.object_name: service for service in plan.of_kind("Service")}
    wanted = {
        path["backend"]["service"]["name"]: path["backend"]["service"]["port"]["number"]
        for ingress in plan.of_kind("Ingress")
        for rule in ingress.spec["rules"]
        for path in rule["http"]["paths"]
    }
    for name, number in wanted.items():
        service = services.get(name)
        if service is not None:
            yield from ((pod, port) for at, pod, port in _targets(index, service) if at == number)


def _targets(index: PodIndex, service: Resource) -> Iterator[tuple[int, Pod, int]]:
    """Yield every port of a Service with the pods and the container port behind it."""
    for pod in index.selected({"matchLabels": service.spec.get("selector", {})}):
        if pod.owner.namespace != service.namespace:
            continue
        for port in service.spec["ports"]:
            target = port.get("targetPort", port["port"])
            number = pod.ports.get(target) if isinstance(target, str) else target
            if number is not None:
                yield port["port"], pod, number


def _left_over(plan: Plan, index: PodIndex, matrix: Matrix, policies: Policies) -> Iterator[Finding]:
    managed = {policy.namespace for policy in policies.all}
    for at, endpoint in enumerate(matrix.endpoints):
        for direction in _DIRECTIONS:
            if endpoint.namespace in managed and not matrix.isolated(at, direction):
                text = f"no policy selects it for {direction}: everybody gets through"
                yield Finding(location=f"pod {endpoint.name}", text=text)
    for policy in policies.all:
        if not matrix.subjects(policy):
            text = "selects no pod: what it was to allow or deny is not"
            yield Finding(location=f"NetworkPolicy/{policy.name}", text=text)
    for service in plan.of_kind("Service"):
        targets = [(matrix.locations[pod_name(pod)], number) for _, pod, number in _targets(index, service)]
        reached = any(matrix.sources(at, matrix.endpoints[at].port(number)) for at, number in targets)
        if service.namespace in managed and targets and not reached:
            yield Finding(location=f"Service/{service.object_name}", text="nobody can reach any port of it")
