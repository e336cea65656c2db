"""NetworkPolicies: default deny both ways, and only what the catalogue and the external workloads need.

A policy is evaluated on pod ports, after a Service was translated: every port here is a container's.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.meta.v1 import LabelSelectorRequirementArgsDict
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgsDict,
    NetworkPolicyIngressRuleArgsDict,
    NetworkPolicyPeerArgsDict,
    NetworkPolicySpecArgsDict,
)

from common.cluster import (
    ACME_SOLVER_LABEL,
    ACME_SOLVER_PORT,
    API_SERVER_PORT,
    API_SERVER_SERVICE,
    FABRIC_PORTS,
    INGRESS,
    MONITORING,
    OUTSIDE,
    UNLISTED,
)
from common.labels import MANAGED_BY, PartOf
from common.naming import (
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
from components.base import GxComponent, metadata
from components.peers import namespace_peer, port_list

NOT_OUTSIDE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")
"""Private ranges (pods and Services among them) and the link-local range of metadata services."""

MINIO_CLIENTS = ("minio-provision", BACKUP, RESTORE_DRILL, OFFSITE, BACKUP_METRICS)
DATABASE_JOBS = ("database-schema", "database-test-users")
DATABASE = "postgres"

Peer = NetworkPolicyPeerArgsDict


def _pods(labels: Mapping[str, str]) -> Peer:
    return {"pod_selector": {"match_labels": dict(labels)}}


def _apps(names: Iterable[str]) -> list[Peer]:
    return [_pods({"app": name}) for name in names]


_OUTSIDE: Peer = {"ip_block": {"cidr": "0.0.0.0/0", "except_": list(NOT_OUTSIDE)}}


class PolicyWorkloadArgs(TypedDict):
    """A workload of the program, as policies see it."""

    selector: Mapping[str, str]
    """Labels of its pods."""
    http_port: int
    exposed: bool
    """Whether the ingress controllers reach it."""
    metrics_port: NotRequired[int]
    """Where Prometheus reads it."""
    calls: Sequence[str]
    """Workloads whose HTTP port it may reach."""
    uses: Sequence[str]
    """External workloads that it may reach, by name."""
    minio: bool
    fabric: bool
    """Whether it reaches the network's Fabric peers."""
    internet: bool
    """Whether it reaches HTTPS outside the cluster."""
    api_server: bool


class ExternalWorkloadArgs(TypedDict):
    """Pods in the namespace that the program does not own."""

    labels: Mapping[str, str]
    ports: Sequence[int]


class FlowArgs(TypedDict):
    """A connection that an external workload needs and that default deny must not cut."""

    source: str
    target: str
    ports: Sequence[int]
    """Ports of a target outside; everywhere else the target's own."""


class NetworkPoliciesArgs(TypedDict):
    """Who is in the namespace, and who talks to whom."""

    namespace: pulumi.Input[str]
    workloads: Mapping[str, PolicyWorkloadArgs]
    external_workloads: Mapping[str, ExternalWorkloadArgs]
    """External workloads of this network whose pods can be selected, by name."""
    database: ExternalWorkloadArgs
    """The PostgreSQL that the program's Jobs reach."""
    flows: Sequence[FlowArgs]
    """Between external and own workloads, the monitoring, the ingress controllers, unlisted pods and the outside."""
    controller_namespaces: Sequence[str]
    fabric_namespace: str
    messaging: str
    """The workload that reads and writes the bucket."""
    offsite_port: NotRequired[int]
    """Port of the off-site bucket's server, where there is one."""
    test_users: bool
    """Whether the Job of the test users runs."""


class NetworkPolicies(GxComponent):
    """The policies of the network's namespace.

    Token: gx:traffic:NetworkPolicies. Policies add up, so the hand-made ones stay until a feature gate removes them.
    """

    TOKEN = "gx:traffic:NetworkPolicies"

    def __init__(self, name: str, args: NetworkPoliciesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self._workloads, self._present = args["workloads"], args["external_workloads"]
        # Neither ours, nor a solver of certificate challenges, nor an external one with a policy of its own here.
        self._unlisted_pods: list[LabelSelectorRequirementArgsDict] = [
            *({"key": key, "operator": "DoesNotExist"} for key in (MANAGED_BY, *ACME_SOLVER_LABEL)),
            {"key": "app", "operator": "NotIn", "values": [n["labels"]["app"] for n in self._present.values()]},
        ]
        self._controllers = [namespace_peer(namespace) for namespace in args["controller_namespaces"]]
        self._dns_policy = self._dns()
        self._own = {
            **{name: (self._workload(name, workload),) for name, workload in self._workloads.items()},
            "storage": self._minio(),
            "database": (self._database_jobs(),),
        }
        allowing = [
            self._dns_policy,
            *(policy for policies in self._own.values() for policy in policies),
            self._unlisted(),
            *(self._external_workload(external) for external in self._present),
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
            metadata=metadata(name, PartOf.TRAFFIC, namespace=self._args["namespace"]),
            spec={**spec, "policy_types": ["Ingress", "Egress"]} if "policy_types" not in spec else spec,
            opts=self.child(depends_on),
        )

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

    def _workload(self, name: str, workload: PolicyWorkloadArgs) -> k8s.networking.v1.NetworkPolicy:
        return self._policy(
            f"gx-{name.removeprefix('gx-')}",
            {
                "pod_selector": {"match_labels": dict(workload["selector"])},
                "ingress": self._ingress(name, workload),
                "egress": self._egress(workload),
            },
        )

    def _ingress(self, name: str, workload: PolicyWorkloadArgs) -> list[NetworkPolicyIngressRuleArgsDict]:
        rules: list[NetworkPolicyIngressRuleArgsDict] = []
        callers = [other["selector"] for other in self._workloads.values() if name in other["calls"]]
        callers += [self._present[flow["source"]]["labels"] for flow in self._flows(target=name)]
        if workload["exposed"]:
            rules.append({"from_": self._controllers, "ports": port_list(workload["http_port"])})
        if callers:
            rules.append({"from_": [_pods(caller) for caller in callers], "ports": port_list(workload["http_port"])})
        if "metrics_port" in workload:
            ports = port_list(workload["metrics_port"])
            rules.append({"from_": [namespace_peer(MONITORING_NAMESPACE)], "ports": ports})
        return rules

    def _egress(self, workload: PolicyWorkloadArgs) -> list[NetworkPolicyEgressRuleArgsDict]:
        used = [self._present[name] for name in workload["uses"] if name in self._present]
        rules: list[NetworkPolicyEgressRuleArgsDict] = [
            {"to": [_pods(external["labels"])], "ports": port_list(*external["ports"])} for external in used
        ]
        callees = [self._workloads[name] for name in workload["calls"] if name in self._workloads]
        rules.extend({"to": [_pods(callee["selector"])], "ports": port_list(callee["http_port"])} for callee in callees)
        if workload["minio"]:
            rules.append({"to": _apps([MINIO]), "ports": port_list(MINIO_PORT)})
        if workload["fabric"]:
            fabric = namespace_peer(self._args["fabric_namespace"])
            rules.append({"to": [fabric], "ports": port_list(*FABRIC_PORTS)})
        if workload["internet"]:
            rules.append({"to": [_OUTSIDE], "ports": port_list(443)})
        if workload["api_server"]:
            # Whether a policy sees the Service's address or the node's behind it depends on the controller.
            rules.append({"to": [{"ip_block": {"cidr": API_SERVER_SERVICE}}], "ports": port_list(443)})
            rules.append({"to": [_OUTSIDE], "ports": port_list(API_SERVER_PORT)})
        return rules

    def _minio(self) -> tuple[k8s.networking.v1.NetworkPolicy, ...]:
        names = [name for name in MINIO_CLIENTS if name != OFFSITE or "offsite_port" in self._args]
        messaging = self._workloads[self._args["messaging"]]["selector"]
        clients = [messaging, *({"app": name} for name in names)]
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
        if "offsite_port" not in self._args:
            return ()
        spec: NetworkPolicySpecArgsDict = {
            "pod_selector": {"match_labels": {"app": OFFSITE}},
            "policy_types": ["Egress"],
            "egress": [{"to": [_OUTSIDE], "ports": port_list(self._args["offsite_port"])}],
        }
        return (self._policy("gx-minio-offsite", spec),)

    def _database_jobs(self) -> k8s.networking.v1.NetworkPolicy:
        postgres = self._args["database"]
        names = DATABASE_JOBS if self._args["test_users"] else DATABASE_JOBS[:1]
        return self._policy(
            "gx-database-jobs",
            {
                "pod_selector": {"match_expressions": [{"key": "app", "operator": "In", "values": list(names)}]},
                "egress": [{"to": [_pods(postgres["labels"])], "ports": port_list(*postgres["ports"])}],
            },
        )

    def _flows(self, *, source: str | None = None, target: str | None = None) -> list[FlowArgs]:
        """Return the flows that begin or end at one party."""
        return [
            flow
            for flow in self._args["flows"]
            if (source is None or flow["source"] == source) and (target is None or flow["target"] == target)
        ]

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
        ours = name in self._workloads
        return [_pods(self._workloads[name]["selector"] if ours else self._present[name]["labels"])]

    def _out(self, source: str) -> list[NetworkPolicyEgressRuleArgsDict]:
        return [self._out_by(flow) for flow in self._flows(source=source)]

    def _out_by(self, flow: FlowArgs) -> NetworkPolicyEgressRuleArgsDict:
        target = flow["target"]
        ports = flow["ports"] or (self._present[target]["ports"] if target in self._present else ())
        if target in self._workloads:
            ports = (self._workloads[target]["http_port"],)
        rule: NetworkPolicyEgressRuleArgsDict = {"to": self._party(target)}
        return {**rule, "ports": port_list(*ports)} if ports else rule

    def _unlisted(self) -> k8s.networking.v1.NetworkPolicy:
        """Leave traffic among pods that nobody listed as it is: it was there before the program."""
        sources = [peer for flow in self._flows(target=UNLISTED) for peer in self._party(flow["source"])]
        return self._policy(
            "gx-neighbours",
            {
                "pod_selector": {"match_expressions": self._unlisted_pods},
                "ingress": [{"from_": sources}],
                "egress": self._out(UNLISTED),
            },
        )

    def _external_workload(self, name: str) -> k8s.networking.v1.NetworkPolicy:
        """Let an external workload's own flows through, and our pods that use it."""
        external = self._present[name]
        sources = [_pods(workload["selector"]) for workload in self._workloads.values() if name in workload["uses"]]
        if name == DATABASE:
            sources += _apps(DATABASE_JOBS)
        sources += [peer for flow in self._flows(target=name) for peer in self._party(flow["source"])]
        spec: NetworkPolicySpecArgsDict = {
            "pod_selector": {"match_labels": dict(external["labels"])},
            "egress": self._out(name),
        }
        if sources:
            spec["ingress"] = [{"from_": sources, "ports": port_list(*external["ports"])}]
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
