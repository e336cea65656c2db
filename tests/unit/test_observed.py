"""Connections that happen: read from a node's table, named by live pods, evaluated by the program's policies."""

from typing import Any

import pytest

from gx.reachability.observed import Connection, connections, evaluated
from rules.reachability.semantics import Policies, Policy

TABLE = """\
ipv4     2 tcp      6 431999 ESTABLISHED src=10.42.0.5 dst=10.43.7.7 sport=4 dport=80 src=10.42.0.6 dst=10.42.0.5 \
sport=9000 dport=4 [ASSURED] mark=0 use=1
ipv4     2 udp      17 20 src=10.42.0.5 dst=10.42.0.9 sport=5 dport=53 src=10.42.0.9 dst=10.42.0.5 sport=53 dport=5 \
mark=0 use=1
ipv4     2 tcp      6 119 SYN_SENT src=10.42.0.5 dst=10.42.0.7 sport=6 dport=1 [UNREPLIED] src=10.42.0.7 \
dst=10.42.0.5 sport=1 dport=6 mark=0 use=1
ipv4     2 icmp     1 29 src=10.42.0.5 dst=10.42.0.6 type=8 code=0 id=1 src=10.42.0.6 dst=10.42.0.5 type=0 code=0 id=1
"""


def pod(name: str, address: str, namespace: str = "backend-devnet", **more: Any) -> dict[str, Any]:
    metadata = {"name": f"{name}-1", "namespace": namespace, "labels": {"app": name}}
    spec = {"nodeName": "vps4", **more}
    return {"kind": "Pod", "metadata": metadata, "spec": spec, "status": {"podIPs": [{"ip": address}]}}


OBJECTS: dict[str, list[dict[str, Any]]] = {
    "Pod": [
        pod("minio", "10.42.0.6"),
        pod("svc-tax", "10.42.0.5"),
        pod("postgres-backup", "10.42.0.8"),
        pod("coredns", "10.42.0.9", "kube-system"),
        pod("node-exporter", "217.196.51.190", "monitoring", hostNetwork=True),
    ],
    "Namespace": [{"metadata": {"name": "backend-devnet", "labels": {}}}],
    "Node": [
        {"metadata": {"name": "vps4"}, "status": {"addresses": [{"type": "InternalIP", "address": "217.196.51.190"}]}},
        {"metadata": {"name": "vps1"}, "status": {"addresses": [{"type": "InternalIP", "address": "72.60.210.201"}]}},
    ],
}
ALLOWED: dict[str, Any] = {
    "podSelector": {},
    "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "svc-tax"}}}]}],
}


def seen(*found: tuple[str, str, int]) -> list[tuple[str, bool]]:
    policies = Policies([Policy("backend-devnet", "only-tax", ALLOWED)])
    listed = [Connection(source, target, port, "TCP") for source, target, port in found]
    return [(one.text, one.allowed) for one in evaluated(listed, policies, frozenset({"backend-devnet"}), OBJECTS)]


def test_a_table_gives_who_answers_behind_a_service_and_nothing_that_was_not_answered() -> None:
    assert list(connections(TABLE)) == [
        Connection("10.42.0.5", "10.42.0.6", 9000, "TCP"),
        Connection("10.42.0.5", "10.42.0.9", 53, "UDP"),
    ]


def test_what_the_policies_would_cut_is_told_from_what_they_allow() -> None:
    assert seen(("10.42.0.5", "10.42.0.6", 9000), ("10.42.0.8", "10.42.0.6", 9000)) == [
        ("postgres-backup -> minio 9000/TCP", False),
        ("svc-tax -> minio 9000/TCP", True),
    ]


def test_pods_of_other_namespaces_are_named_with_theirs_and_hosts_by_address() -> None:
    assert seen(("10.42.0.9", "10.42.0.6", 9000), ("10.42.0.6", "198.51.100.7", 443)) == [
        ("kube-system/coredns -> minio 9000/TCP", False),
        ("minio -> 198.51.100.7 443/TCP", True),
    ]


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("217.196.51.190", "10.42.0.6", "the kubelet of the pod's own node: no policy stops it"),
        ("10.42.0.1", "10.42.0.6", "the node's bridge, or a pod that is gone"),
        ("10.42.0.6", "10.42.0.77", "a pod that is gone"),
        ("10.42.0.9", "198.51.100.7", "nobody of this network"),
    ],
)
def test_what_cannot_be_judged_is_left_out(source: str, target: str, why: str) -> None:
    assert seen((source, target, 9000)) == [], why


def test_another_node_is_judged() -> None:
    assert seen(("72.60.210.201", "10.42.0.6", 9000)) == [("72.60.210.201 -> minio 9000/TCP", False)]
