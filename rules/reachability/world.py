"""The endpoints of a network: the pods of its Plan, its external workloads, and what lies around the namespace."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from common.cloudflare_ranges import CLOUDFLARE_RANGES
from common.cluster import (
    ACME_SOLVER_LABEL,
    ACME_SOLVER_PORT,
    API_SERVER_PORT,
    API_SERVER_SERVICE,
    FABRIC_PORTS,
    INGRESS_CONTROLLERS,
    METADATA_ADDRESS,
    POD_RANGE,
    UNLISTED,
)
from common.labels import OLD_POLICY
from common.naming import DNS_NAMESPACE, MINIO_PORT, MONITORING_NAMESPACE, POSTGRES_PORT, REDIS_PORT
from common.objects import mapping
from common.plan import Plan, Resource
from common.pods import Pod, pods
from rules.reachability.endpoint import Endpoint, Port, Range, ranges
from rules.reachability.semantics import Policies, Policy, policy_from

INTERNET = "internet"
METADATA = "cloud-metadata"
PROMETHEUS = "monitoring"
DNS = "dns"
CLOUDFLARE = "cloudflare"
SOLVER = "acme-solver"
SOMEWHERE = ranges("198.51.100.0/24")
"""Addresses that stand for any host outside: reserved for documentation, so nobody's own."""


Labels = Mapping[str, Mapping[str, str]]
"""Labels of namespaces by name, where more is known than their names."""


def planned_policies(plan: Plan) -> Policies:
    """Return the program's own policies of a Plan."""
    return Policies(policy_from(r.inputs) for r in plan.of_kind("NetworkPolicy") if not _is_old(r))


def old_policies(plan: Plan) -> list[Policy]:
    """Return the policies of a Plan that were made by hand and live until the feature gate retire-old-policies."""
    return [policy_from(r.inputs, live=True) for r in plan.of_kind("NetworkPolicy") if _is_old(r)]


def _is_old(resource: Resource) -> bool:
    return OLD_POLICY in mapping(resource.metadata, "labels")


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a live cluster has around a network.

    Attributes:
        namespaces: Labels of namespaces; those of planned ones are in the Plan.
        on_nodes: Endpoints of which pods run in the network of their node: to policies they are those nodes.
        nodes: The addresses of the nodes.
    """

    namespaces: Labels = field(default_factory=dict[str, Mapping[str, str]])
    on_nodes: frozenset[str] = frozenset()
    nodes: tuple[Range, ...] = ()


def endpoints(plan: Plan, live: Around | None = None) -> list[Endpoint]:
    """Return everything that a connection in this network can begin or end at, sorted by place and name.

    Args:
        plan: The network.
        live: What is known of the cluster around it; None for what the Plan says.
    """
    live = live or Around()
    known: dict[str, Mapping[str, str]] = {
        resource.object_name: cast("Mapping[str, str]", resource.metadata.get("labels", {}))
        for resource in plan.of_kind("Namespace")
    }
    known.update(live.namespaces)
    found = {endpoint.name: endpoint for endpoint in _inside(plan, known)}
    around = [
        replace(endpoint, namespace="", namespace_labels={}, ranges=live.nodes)
        if endpoint.name in live.on_nodes
        else endpoint
        for endpoint in _around(plan, known)
        if endpoint.name not in found
    ]
    return [*sorted(found.values(), key=lambda endpoint: (endpoint.namespace, endpoint.name)), *around]


def _inside(plan: Plan, known: Labels) -> Iterator[Endpoint]:
    """Yield the pods of the program's own namespaces; the solver's live for seconds, but they must be reached."""
    home = plan.namespace

    def at_home(name: str, labels: Mapping[str, str], *ports: int) -> Endpoint:
        return Endpoint(
            name=name,
            namespace=home,
            labels=labels,
            namespace_labels=known.get(home, {}),
            ports=tuple(Port(number=number) for number in ports),
            ranges=ranges(POD_RANGE),
        )

    yield at_home(SOLVER, ACME_SOLVER_LABEL, ACME_SOLVER_PORT)
    yield at_home(UNLISTED, {})
    for external in plan.external_workloads:
        yield at_home(external.name, external.labels, *external.ports)
    for pod in pods(plan):
        yield Endpoint(
            name=pod_name(pod),
            namespace=pod.owner.namespace,
            labels=pod.labels,
            namespace_labels=known.get(pod.owner.namespace, {}),
            ports=tuple(_listening(pod)),
            ranges=ranges(POD_RANGE),
        )


def pod_name(pod: Pod) -> str:
    """Return what the pods of a controller are called: their application, which a hashed Job's own name hides."""
    return pod.labels.get("app", pod.owner.object_name)


def _listening(pod: Pod) -> Iterator[Port]:
    for container in pod.containers:
        for port in cast("list[dict[str, Any]]", container.get("ports", [])):
            yield Port(
                number=port["containerPort"], protocol=port.get("protocol", "TCP"), name=str(port.get("name", ""))
            )


def _around(plan: Plan, known: Labels) -> Iterator[Endpoint]:
    """Yield what is not ours: other namespaces, the API server, the nodes, the internet, the metadata service."""

    def pods_of(name: str, namespace: str, *ports: int, udp: bool = False) -> Endpoint:
        listening = [Port(number=number) for number in ports]
        listening += [Port(number=number, protocol="UDP") for number in ports if udp]
        return Endpoint(
            name=name,
            namespace=namespace,
            namespace_labels=known.get(namespace, {}),
            ports=tuple(listening),
            ranges=ranges(POD_RANGE),
        )

    for controller in INGRESS_CONTROLLERS.values():
        yield pods_of(controller.namespace, controller.namespace, *controller.pod_ports)
    yield pods_of(PROMETHEUS, MONITORING_NAMESPACE)
    yield pods_of(DNS, DNS_NAMESPACE, 53, udp=True)
    yield pods_of("fabric", f"fabric-{plan.network}", *FABRIC_PORTS)
    yield pods_of("another-namespace", "another-namespace", POSTGRES_PORT, REDIS_PORT, MINIO_PORT)
    yield Endpoint(name=CLOUDFLARE, ranges=ranges(*CLOUDFLARE_RANGES))
    nodes = tuple(str(node["address"]) for node in plan.outputs["edgeNodes"])
    for name, addresses, numbers, initiates in (
        ("api-server", ranges(API_SERVER_SERVICE), (443,), False),
        ("nodes", ranges(*nodes), (443, API_SERVER_PORT), True),
        (METADATA, ranges(METADATA_ADDRESS), (80,), False),
        (INTERNET, SOMEWHERE, (25, 80, 443), True),
    ):
        listening = tuple(Port(number=number) for number in numbers)
        yield Endpoint(name=name, ranges=addresses, ports=listening, initiates=initiates)
