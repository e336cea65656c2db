"""NetworkPolicies: default deny both ways, and only what the catalogue and the neighbours need.

A policy is judged on pod ports, after a Service was translated: every port here is a container's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.meta.v1 import LabelSelectorRequirementArgsDict
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgsDict,
    NetworkPolicyIngressRuleArgsDict,
    NetworkPolicyPeerArgsDict,
    NetworkPolicySpecArgsDict,
)

from components.base import GxArgs, GxComponent
from components.peers import namespace_peer, port_list
from gx.catalogue import CATALOGUE, MESSAGING
from gx.catalogue.model import Dependency, Workload
from gx.labels import MANAGED_BY, PartOf
from gx.naming import (
    BACKUP,
    BACKUP_METRICS,
    BACKUP_METRICS_PORT,
    DNS_NAMESPACE,
    MINIO,
    MINIO_PORT,
    MONITORING_NAMESPACE,
    OFFSITE,
    RESTORE_DRILL,
)
from gx.neighbours import (
    ACME_SOLVER_LABEL,
    ACME_SOLVER_PORT,
    API_SERVER_PORT,
    API_SERVER_SERVICE,
    CONTROLLERS,
    FABRIC_PORTS,
    FLOWS,
    INGRESS,
    MONITORING,
    NEIGHBOURS,
    OUTSIDE,
    UNLISTED,
    Flow,
)

NOT_OUTSIDE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")
"""Private ranges (pods and Services among them) and the link-local range of metadata services."""

MINIO_CLIENTS = ("minio-provision", BACKUP, RESTORE_DRILL, OFFSITE, BACKUP_METRICS)
DATABASE_JOBS = ("database-schema", "database-test-users")
USED_NEIGHBOURS = {Dependency.DATABASE: "postgres", Dependency.REDIS: "redis", Dependency.CLAMAV: "clamav"}

Peer = NetworkPolicyPeerArgsDict


def _pods(labels: Mapping[str, str]) -> Peer:
    return {"pod_selector": {"match_labels": dict(labels)}}


def _apps(names: Iterable[str]) -> list[Peer]:
    return [_pods({"app": name}) for name in names]


_OUTSIDE: Peer = {"ip_block": {"cidr": "0.0.0.0/0", "except_": list(NOT_OUTSIDE)}}


@dataclass(frozen=True, kw_only=True)
class NetworkPoliciesArgs(GxArgs):
    """What every component needs is all that it takes."""


class NetworkPolicies(GxComponent):
    """The policies of the network's namespace.

    Token: gx:traffic:NetworkPolicies. Policies add up, so the hand-made ones stay until a named step removes them.
    """

    TOKEN: ClassVar[str] = "gx:traffic:NetworkPolicies"

    def __init__(self, name: str, args: NetworkPoliciesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        site = args.site
        self._workloads = site.settings.workloads
        self._present = {
            neighbour: NEIGHBOURS[neighbour]
            for neighbour in site.settings.stack.neighbours
            if NEIGHBOURS[neighbour].labels
        }
        # Neither ours, nor a solver of certificate challenges, nor a neighbour that has a policy of its own here.
        self._unlisted_pods: list[LabelSelectorRequirementArgsDict] = [
            *({"key": key, "operator": "DoesNotExist"} for key in (MANAGED_BY, *ACME_SOLVER_LABEL)),
            {"key": "app", "operator": "NotIn", "values": [n.labels["app"] for n in self._present.values()]},
        ]
        # While Traefik takes over, what still comes through ingress-nginx must arrive as well.
        chosen = site.settings.stack.ingress.controller
        self._controllers = [namespace_peer(CONTROLLERS[name].namespace) for name in dict.fromkeys((chosen, "nginx"))]
        self._dns_policy = self._dns()
        self._own = {
            **{name: (self._workload(workload),) for name, workload in self._workloads.items()},
            "storage": self._minio(),
            "database": (self._database_jobs(),),
        }
        allowing = [
            self._dns_policy,
            *(policy for policies in self._own.values() for policy in policies),
            self._unlisted(),
            *(self._neighbour(neighbour) for neighbour in self._present),
            self._acme_solver(),
        ]
        # Comes last: a default deny before the others would cut everything while they are created.
        self._policy("default-deny-all", {"pod_selector": {}}, depends_on=allowing)
        self.register_outputs({"count": len(allowing) + 1})

    def needed_by(self, name: str) -> tuple[pulumi.Resource, ...]:
        """Return the policies that must exist before the pods of a workload, "storage" or "database" start."""
        return (self._dns_policy, *self._own[name])

    def _policy(
        self, name: str, spec: NetworkPolicySpecArgsDict, depends_on: Sequence[pulumi.Resource] = ()
    ) -> k8s.networking.v1.NetworkPolicy:
        return k8s.networking.v1.NetworkPolicy(
            name,
            metadata=self.site.metadata(name, PartOf.TRAFFIC),
            spec={**spec, "policy_types": ["Ingress", "Egress"]} if "policy_types" not in spec else spec,
            opts=self.child("NetworkPolicy", name, depends_on=depends_on),
        )

    def _selector(self, workload: Workload) -> dict[str, str]:
        return dict(self.site.settings.numbers(workload.name).selector or {"app": workload.name})

    def _dns(self) -> k8s.networking.v1.NetworkPolicy:
        return self._policy(
            "gx-allow-dns",
            {
                "pod_selector": {},
                "policy_types": ["Egress"],
                "egress": [
                    {"to": [namespace_peer(DNS_NAMESPACE)], "ports": [*port_list(53, protocol="UDP"), *port_list(53)]},
                ],
            },
        )

    def _workload(self, workload: Workload) -> k8s.networking.v1.NetworkPolicy:
        return self._policy(
            f"gx-{workload.name.removeprefix('gx-')}",
            {
                "pod_selector": {"match_labels": self._selector(workload)},
                "ingress": self._ingress(workload),
                "egress": self._egress(workload),
            },
        )

    def _ingress(self, workload: Workload) -> list[NetworkPolicyIngressRuleArgsDict]:
        rules: list[NetworkPolicyIngressRuleArgsDict] = []
        callers = [self._selector(other) for other in self._workloads.values() if workload.name in other.calls]
        callers += [dict(NEIGHBOURS[flow.source].labels) for flow in self._flows(target=workload.name)]
        if workload.exposed:
            rules.append({"from_": self._controllers, "ports": port_list(workload.http_port)})
        if callers:
            rules.append({"from_": [_pods(caller) for caller in callers], "ports": port_list(workload.http_port)})
        if workload.metrics:
            port = workload.ports[workload.metrics.port]
            rules.append({"from_": [namespace_peer(MONITORING_NAMESPACE)], "ports": port_list(port)})
        return rules

    def _egress(self, workload: Workload) -> list[NetworkPolicyEgressRuleArgsDict]:
        network = self.site.settings.network
        rules: list[NetworkPolicyEgressRuleArgsDict] = [
            {"to": [_pods(NEIGHBOURS[neighbour].labels)], "ports": port_list(*NEIGHBOURS[neighbour].ports)}
            for dependency, neighbour in USED_NEIGHBOURS.items()
            if dependency in workload.depends_on and neighbour in self._present
        ]
        callees = [self._workloads[name] for name in workload.calls if name in self._workloads]
        rules.extend(
            {"to": [_pods(self._selector(callee))], "ports": port_list(callee.http_port)} for callee in callees
        )
        if Dependency.MINIO in workload.depends_on:
            rules.append({"to": _apps([MINIO]), "ports": port_list(MINIO_PORT)})
        if Dependency.FABRIC in workload.depends_on:
            rules.append({"to": [namespace_peer(network.fabric_namespace)], "ports": port_list(*FABRIC_PORTS)})
        if Dependency.EXTERNAL_HTTPS in workload.depends_on:
            rules.append({"to": [_OUTSIDE], "ports": port_list(443)})
        if self.site.settings.numbers(workload.name).api_server:
            # Whether a policy sees the Service's address or the node's behind it depends on the controller.
            rules.append({"to": [{"ip_block": {"cidr": API_SERVER_SERVICE}}], "ports": port_list(443)})
            rules.append({"to": [_OUTSIDE], "ports": port_list(API_SERVER_PORT)})
        return rules

    def _minio(self) -> tuple[k8s.networking.v1.NetworkPolicy, ...]:
        names = [name for name in MINIO_CLIENTS if name != OFFSITE or self.site.settings.stack.backup.offsite]
        clients = [self._selector(MESSAGING), *({"app": name} for name in names)]
        server = self._policy(
            "gx-minio",
            {
                "pod_selector": {"match_labels": {"app": MINIO}},
                "ingress": [
                    {"from_": [_pods(client) for client in clients], "ports": port_list(MINIO_PORT)},
                    {"from_": [namespace_peer(MONITORING_NAMESPACE)], "ports": port_list(MINIO_PORT)},
                ],
            },
        )
        jobs = self._policy(
            "gx-minio-jobs",
            {
                "pod_selector": {"match_expressions": [{"key": "app", "operator": "In", "values": names}]},
                "egress": [{"to": _apps([MINIO]), "ports": port_list(MINIO_PORT)}],
            },
        )
        return server, jobs, self._backup_metrics(), *self._offsite()

    def _backup_metrics(self) -> k8s.networking.v1.NetworkPolicy:
        return self._policy(
            "gx-backup-metrics",
            {
                "pod_selector": {"match_labels": {"app": BACKUP_METRICS}},
                "policy_types": ["Ingress"],
                "ingress": [{"from_": [namespace_peer(MONITORING_NAMESPACE)], "ports": port_list(BACKUP_METRICS_PORT)}],
            },
        )

    def _offsite(self) -> tuple[k8s.networking.v1.NetworkPolicy, ...]:
        """Let the off-site copy out, to the port of its endpoint."""
        offsite = self.site.settings.stack.backup.offsite
        if offsite is None:
            return ()
        port = urlsplit(offsite.endpoint).port or 443
        spec: NetworkPolicySpecArgsDict = {
            "pod_selector": {"match_labels": {"app": OFFSITE}},
            "policy_types": ["Egress"],
            "egress": [{"to": [_OUTSIDE], "ports": port_list(port)}],
        }
        return (self._policy("gx-minio-offsite", spec),)

    def _database_jobs(self) -> k8s.networking.v1.NetworkPolicy:
        postgres = NEIGHBOURS["postgres"]
        names = DATABASE_JOBS if self.site.settings.stack.test_users else DATABASE_JOBS[:1]
        return self._policy(
            "gx-database-jobs",
            {
                "pod_selector": {"match_expressions": [{"key": "app", "operator": "In", "values": list(names)}]},
                "egress": [{"to": [_pods(postgres.labels)], "ports": port_list(*postgres.ports)}],
            },
        )

    def _flows(self, *, source: str | None = None, target: str | None = None) -> list[Flow]:
        """Return the neighbours' flows on this network that begin or end at one of them."""
        return [
            flow
            for flow in FLOWS
            if (source is None or flow.source == source)
            and (target is None or flow.target == target)
            and all(self._is_here(party) for party in (flow.source, flow.target))
        ]

    def _is_here(self, party: str) -> bool:
        """Whether one side of a flow is on this network; what is neither a neighbour nor ours is everywhere."""
        ours_or_theirs = party in NEIGHBOURS or party in CATALOGUE
        return not ours_or_theirs or party in self._present or party in self._workloads

    def _party(self, name: str) -> list[Peer]:
        """Return the peers that one side of a flow stands for."""
        if name == MONITORING:
            return [namespace_peer(MONITORING_NAMESPACE)]
        if name == INGRESS:
            return self._controllers
        if name == OUTSIDE:
            return [_OUTSIDE]
        if name == UNLISTED:
            return [{"pod_selector": {"match_expressions": self._unlisted_pods}}]
        return [_pods(self._selector(self._workloads[name]) if name in self._workloads else NEIGHBOURS[name].labels)]

    def _out(self, source: str) -> list[NetworkPolicyEgressRuleArgsDict]:
        return [self._out_by(flow) for flow in self._flows(source=source)]

    def _out_by(self, flow: Flow) -> NetworkPolicyEgressRuleArgsDict:
        target = NEIGHBOURS.get(flow.target)
        ports = flow.ports or (target.ports if target else ())
        if flow.target in self._workloads:
            ports = (self._workloads[flow.target].http_port,)
        rule: NetworkPolicyEgressRuleArgsDict = {"to": self._party(flow.target)}
        return {**rule, "ports": port_list(*ports)} if ports else rule

    def _unlisted(self) -> k8s.networking.v1.NetworkPolicy:
        """Leave traffic among pods that nobody listed as it is: it was there before the program."""
        sources = [peer for flow in self._flows(target=UNLISTED) for peer in self._party(flow.source)]
        return self._policy(
            "gx-neighbours",
            {
                "pod_selector": {"match_expressions": self._unlisted_pods},
                "ingress": [{"from_": sources}],
                "egress": self._out(UNLISTED),
            },
        )

    def _neighbour(self, name: str) -> k8s.networking.v1.NetworkPolicy:
        """Let a neighbour's own flows through, and our pods that use it."""
        neighbour = NEIGHBOURS[name]
        sources = [
            _pods(self._selector(workload))
            for workload in self._workloads.values()
            if any(USED_NEIGHBOURS.get(dependency) == name for dependency in workload.depends_on)
        ]
        if name == "postgres":
            sources += _apps(DATABASE_JOBS)
        sources += [peer for flow in self._flows(target=name) for peer in self._party(flow.source)]
        spec: NetworkPolicySpecArgsDict = {
            "pod_selector": {"match_labels": dict(neighbour.labels)},
            "egress": self._out(name),
        }
        if sources:
            spec["ingress"] = [{"from_": sources, "ports": port_list(*neighbour.ports)}]
        return self._policy(f"gx-to-{name}", spec)

    def _acme_solver(self) -> k8s.networking.v1.NetworkPolicy:
        """Admit certificate challenges from anywhere: the solver pods live for seconds and hold nothing."""
        return self._policy(
            "gx-acme-solver",
            {
                "pod_selector": {"match_labels": ACME_SOLVER_LABEL},
                "policy_types": ["Ingress"],
                "ingress": [{"ports": port_list(ACME_SOLVER_PORT)}],
            },
        )
