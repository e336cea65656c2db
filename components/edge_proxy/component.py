"""EdgeProxy: ports 80 and 443 of the production nodes, without an address of a pod anywhere."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import HTTPGetActionArgsDict, PodSpecArgsDict, ProbeArgsDict
from pulumi_kubernetes.networking.v1 import NetworkPolicySpecArgsDict

from common.files import text_beside
from common.labels import PartOf, component_labels, scrape_annotations
from common.naming import DNS_NAMESPACE, EDGE_PROXY, MONITORING_NAMESPACE
from components.arguments import ResourcesArgs, SchedulingArgs
from components.base import GxComponent, after, metadata
from components.edge_proxy.config import (
    CONFIG,
    FOLDER,
    HTTP_PORT,
    HTTPS_PORT,
    SCRIPT,
    SOURCES,
    STATUS_PORT,
    EdgeConfig,
)
from components.peers import namespace_peer, port_list
from components.pods import pod_spec, resources, restricted_container, restricted_pod

HAPROXY_USER = 99  # of the official image
GRACE_SECONDS = 20
"""While it stops, nobody takes new connections on this node: a node is drained from DNS before its image changes."""
_LABELS = {"app": EDGE_PROXY}


class ControllerArgs(TypedDict):
    """The ingress controller behind the proxy."""

    namespace: str
    service: str
    """The Service whose address stays while its pods move."""
    pod_ports: Sequence[int]
    """Ports of its pods: a policy is evaluated on these."""
    address: NotRequired[str]
    """The Service's address, for a start while DNS is down."""


class EdgeProxyArgs(TypedDict):
    """What the proxy needs."""

    namespace: pulumi.Input[str]
    """Name of the namespace that is made for it."""
    image: str
    controller: ControllerArgs
    sources: Sequence[str]
    """Who may connect, as address ranges."""
    proxy_protocol: bool
    """Whether the client's address is sent ahead of every connection."""
    max_connections: int
    max_connections_per_source: int
    resources: ResourcesArgs
    scheduling: SchedulingArgs


def edge_config(args: EdgeProxyArgs) -> EdgeConfig:
    """Return the proxy's configuration."""
    controller = args["controller"]
    return EdgeConfig(
        host=f"{controller['service']}.{controller['namespace']}.svc.cluster.local",
        sources=args["sources"],
        address=controller.get("address", ""),
        proxy_protocol=args["proxy_protocol"],
        connections=args["max_connections"],
        per_source=args["max_connections_per_source"],
    )


class EdgeProxy(GxComponent):
    """HAProxy on every node of the network, on the node's ports 80 and 443, in a namespace of its own.

    Token: gx:traffic:EdgeProxy. It passes connections on, TLS included, to the stable address of the ingress
    controller's Service, so a pod that moves changes nothing. It admits Cloudflare's ranges and the allow list, and
    resets everybody else. Its files are read again when they change: no pod rolls, no connection ends.

    The namespace allows host ports, which Pod Security "restricted" forbids; the pod keeps every other rule of it, and
    a plain user listens on high ports that the node's ports lead to.
    """

    TOKEN = "gx:traffic:EdgeProxy"

    def __init__(self, name: str, args: EdgeProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self._namespace = after(self._make_namespace(), args["namespace"])
        self._config_map()
        self._accounts()
        policies = self._policies()
        self._daemon_set(policies)
        self.register_outputs({"namespace": args["namespace"]})

    def _make_namespace(self) -> k8s.core.v1.Namespace:
        return k8s.core.v1.Namespace(
            "edge-namespace",
            metadata=metadata(
                self._args["namespace"],
                PartOf.TRAFFIC,
                namespace=None,
                labels={f"pod-security.kubernetes.io/{mode}": level for mode, level in _POD_SECURITY.items()},
                app=EDGE_PROXY,
            ),
            opts=self.child(),
        )

    def _config_map(self) -> None:
        config = edge_config(self._args)
        k8s.core.v1.ConfigMap(
            EDGE_PROXY,
            metadata=metadata(EDGE_PROXY, PartOf.TRAFFIC, namespace=self._namespace),
            data={CONFIG: config.text(), SOURCES: config.sources_file(), SCRIPT: text_beside(__file__, SCRIPT)},
            opts=self.child(),
        )

    def _accounts(self) -> None:
        k8s.core.v1.ServiceAccount(
            EDGE_PROXY,
            metadata=metadata(EDGE_PROXY, PartOf.TRAFFIC, namespace=self._namespace),
            automount_service_account_token=False,
            opts=self.child(),
        )

    def _policies(self) -> list[pulumi.Resource]:
        controller = self._args["controller"]
        allow = self._policy(
            EDGE_PROXY,
            {
                "pod_selector": {"match_labels": _LABELS},
                "policy_types": ["Ingress", "Egress"],
                "ingress": [
                    {
                        "from_": [{"ip_block": {"cidr": cidr}} for cidr in self._args["sources"]],
                        "ports": port_list(HTTP_PORT, HTTPS_PORT),
                    },
                    {
                        "from_": [namespace_peer(MONITORING_NAMESPACE)],
                        "ports": port_list(STATUS_PORT),
                    },
                ],
                "egress": [
                    {
                        "to": [namespace_peer(DNS_NAMESPACE)],
                        "ports": [*port_list(53, protocol="UDP"), *port_list(53)],
                    },
                    {
                        "to": [namespace_peer(controller["namespace"])],
                        "ports": port_list(*controller["pod_ports"]),
                    },
                ],
            },
        )
        deny: NetworkPolicySpecArgsDict = {"pod_selector": {}, "policy_types": ["Ingress", "Egress"]}
        return [allow, self._policy("edge-default-deny", deny)]

    def _policy(self, name: str, spec: NetworkPolicySpecArgsDict) -> k8s.networking.v1.NetworkPolicy:
        return k8s.networking.v1.NetworkPolicy(
            name,
            metadata=metadata(name, PartOf.TRAFFIC, namespace=self._namespace, app=EDGE_PROXY),
            spec=spec,
            opts=self.child(),
        )

    def _daemon_set(self, policies: list[pulumi.Resource]) -> None:
        k8s.apps.v1.DaemonSet(
            EDGE_PROXY,
            metadata=metadata(EDGE_PROXY, PartOf.TRAFFIC, namespace=self._namespace, labels=_LABELS),
            spec={
                "selector": {"match_labels": _LABELS},
                # One node at a time: two pods cannot hold the same port of a node, so the old one goes first.
                "update_strategy": {"type": "RollingUpdate", "rolling_update": {"max_unavailable": 1, "max_surge": 0}},
                "min_ready_seconds": 10,
                "template": {
                    "metadata": {
                        "labels": {**component_labels(EDGE_PROXY, PartOf.TRAFFIC), **_LABELS},
                        "annotations": scrape_annotations(STATUS_PORT, "/metrics"),
                    },
                    "spec": self._pod(),
                },
            },
            opts=self.child(policies),
        )

    def _pod(self) -> PodSpecArgsDict:
        alive: HTTPGetActionArgsDict = {"path": "/livez", "port": "status"}
        # HAProxy listens within a second; it needs no controller for that.
        startup: ProbeArgsDict = {"http_get": alive, "period_seconds": 2, "failure_threshold": 15}
        liveness: ProbeArgsDict = {"http_get": alive, "period_seconds": 10, "failure_threshold": 3}
        # Not ready while the controller does not answer: a roll-out stops at the first node then.
        readiness: ProbeArgsDict = {
            "http_get": {"path": "/readyz", "port": "status"},
            "period_seconds": 5,
            "failure_threshold": 2,
        }
        return pod_spec(
            self._args["scheduling"],
            service_account=EDGE_PROXY,
            security=restricted_pod(HAPROXY_USER),
            grace_seconds=GRACE_SECONDS,
            containers=[
                {
                    "name": EDGE_PROXY,
                    "image": self._args["image"],
                    "image_pull_policy": "IfNotPresent",
                    "command": ["/bin/sh", f"{FOLDER}/{SCRIPT}", FOLDER],
                    "ports": [
                        {"name": "http", "container_port": HTTP_PORT, "host_port": 80},
                        {"name": "https", "container_port": HTTPS_PORT, "host_port": 443},
                        {"name": "status", "container_port": STATUS_PORT},
                    ],
                    "resources": resources(self._args["resources"]),
                    "startup_probe": startup,
                    "liveness_probe": liveness,
                    "readiness_probe": readiness,
                    "security_context": restricted_container(),
                    "volume_mounts": [{"name": "files", "mount_path": FOLDER, "read_only": True}],
                }
            ],
            volumes=[{"name": "files", "config_map": {"name": EDGE_PROXY}}],
        )


_POD_SECURITY = {"enforce": "privileged", "warn": "baseline", "audit": "baseline"}
"""Host ports lie outside the level "baseline"; what else breaks it is still reported."""
