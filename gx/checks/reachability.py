"""Traffic that must get through, and policies that do something: judged as the cluster would."""

from collections.abc import Iterator

from gx.checks.finding import Finding, Severity
from gx.naming import MONITORING_NAMESPACE
from gx.neighbours import CONTROLLERS
from gx.plan.model import Plan, Resource
from gx.plan.pods import Pod, PodIndex
from gx.reach.endpoint import Port
from gx.reach.matrix import Matrix
from gx.reach.semantics import Policies
from gx.reach.world import endpoints, own_namespaces, planned_policies, pod_name


def check_reachability(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a public or scraped pod that its policies cut off (incidents 6, 7 and 25)."""
    policies, index = planned_policies(plan), PodIndex(plan)
    world = {endpoint.name: endpoint for endpoint in endpoints(plan)}
    controller = world[CONTROLLERS[plan.controller].namespace]
    for pod, port in _backends(plan, index):
        if not policies.judge(controller, world[pod_name(pod)], port).allowed:
            text = f"the ingress controller cannot reach port {port.number}"
            yield Finding(check="reachability", place=pod.place, text=text)
    for pod in index.all:
        if pod.annotations.get("prometheus.io/scrape") == "true":
            endpoint = world[pod_name(pod)]
            port = endpoint.port(int(pod.annotations["prometheus.io/port"]))
            if not policies.judge(world[MONITORING_NAMESPACE], endpoint, port).allowed:
                yield Finding(check="reachability", place=pod.place, text=f"Prometheus cannot reach port {port.number}")


def _backends(plan: Plan, index: PodIndex) -> Iterator[tuple[Pod, Port]]:
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


def _targets(index: PodIndex, service: Resource) -> Iterator[tuple[int, Pod, Port]]:
    """Yield every port of a Service with the pods and the container port behind it."""
    for pod in index.selected({"matchLabels": service.spec.get("selector", {})}):
        if pod.owner.namespace != service.namespace:
            continue
        for port in service.spec["ports"]:
            target = port.get("targetPort", port["port"])
            names = {number: name for name, number in pod.ports.items()}
            number = pod.ports.get(target) if isinstance(target, str) else target
            if number is not None:
                yield port["port"], pod, Port(number=number, name=names.get(number, ""))


def check_policies(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a pod without isolation, a policy without pods and a Service without callers.

    A namespace in which the stack does not manage policies yet is left alone: adoption brings them in a later wave.
    """
    policies = planned_policies(plan)
    managed = {policy.namespace for policy in policies.all}
    world = [endpoint for endpoint in endpoints(plan) if endpoint.namespace in managed & own_namespaces(plan)]
    for endpoint in world:
        for direction in ("ingress", "egress"):
            if not any(policies.selecting(endpoint, direction)):
                yield _finding(f"pod {endpoint.name}", f"no policy selects it for {direction}: everybody gets through")
    for policy in policies.all:
        if not any(policy.selects(endpoint) for endpoint in world):
            yield _finding(f"NetworkPolicy/{policy.name}", "selects no pod: what it was to allow or deny is not")
    yield from _unreachable_services(plan, policies, managed)


def _unreachable_services(plan: Plan, policies: Policies, managed: set[str]) -> Iterator[Finding]:
    world = endpoints(plan)
    matrix, places = Matrix(world, policies), {endpoint.name: at for at, endpoint in enumerate(world)}
    index = PodIndex(plan)
    for service in plan.of_kind("Service"):
        targets = list(_targets(index, service))
        if service.namespace in managed and targets:
            reached = (_somebody(matrix, places[pod_name(pod)], port) for _, pod, port in targets)
            if not any(reached):
                yield _finding(f"Service/{service.object_name}", "nobody can reach any port of it")


def _somebody(matrix: Matrix, at: int, port: Port) -> bool:
    return matrix.sources(at, port) != 0


def _finding(place: str, text: str) -> Finding:
    return Finding(check="policies", place=place, text=text, severity=Severity.ERROR)
