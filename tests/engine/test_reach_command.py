"""`gx reach` with the live policies of a real API server beside the planned ones."""

import contextlib
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from gx.cluster.kubernetes_api import ApiError, KubernetesApi, UnreachableError
from tests.engine.by_hand import make
from tests.engine.conftest import Cluster
from tests.helpers.command import one_line

Gx = Callable[..., subprocess.CompletedProcess[str]]
NAMESPACE = "backend-mainnet"


@pytest.fixture(scope="module")
def hand_made(cluster: Cluster) -> Cluster:
    """Make the namespace with the policy that production has: everybody inside reaches everybody."""
    labels = {"name": NAMESPACE}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
    cluster.api.create(namespace)
    deny: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    everybody: dict[str, Any] = {
        **deny,
        "ingress": [{"from": [{"podSelector": {}}]}],
        "egress": [{"to": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": 5432}]}],
    }
    for name, spec in (("allow-internal-backend", everybody), ("default-deny-all", deny)):
        metadata = {"name": name, "namespace": NAMESPACE}
        policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
        make(cluster.api, policy)
    return cluster


@pytest.fixture
def reach(hand_made: Cluster, gx: Gx, monkeypatch: pytest.MonkeyPatch) -> Gx:
    monkeypatch.setenv("KUBECONFIG", str(hand_made.folder.kubeconfig))
    return lambda *arguments: gx("reach", "mainnet", *arguments)


def test_a_live_policy_that_opens_what_is_planned_to_be_closed_is_named(reach: Gx) -> None:
    planned = reach("--from", "minio", "--to", "postgres")
    assert planned.stdout.startswith("minio -> postgres 5432/TCP: denied")
    both = reach("--from", "minio", "--to", "postgres", "--context", "gx-local")
    assert both.stdout.startswith("minio -> postgres 5432/TCP: allowed")
    assert "allowed by allow-internal-backend (live)" in both.stdout
    table = reach("--to", "postgres", "--context", "gx-local")
    assert "made by hand: minio -> postgres 5432/TCP, by allow-internal-backend" in table.stdout
    said = "default deny is not in force: policies made by hand (allow-internal-backend) open "
    assert said in table.stdout
    assert "default-deny-all (live)" not in table.stdout, "the planned one of that name"


def test_the_verdict_says_its_limits(hand_made: Cluster, reach: Gx) -> None:
    """Pods in the network of their node are that node to a policy (calico#3795); other kinds of policies count too."""
    asked = ("--from", "ingress-nginx", "--to", "svc-messaging", "--context", "gx-local")
    plain = reach(*asked)
    assert plain.stdout.startswith("ingress-nginx -> svc-messaging 3007/TCP: allowed")
    assert plain.stderr == ""
    api = hand_made.api
    for namespace, name, container in ON_NODES:
        if api.get("v1", "Namespace", "", namespace) is None:
            api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        make(api, daemon_set(namespace, name, container))
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}})
    serve(api, "cilium.io", "CiliumNetworkPolicy")
    serve(api, "policy.networking.k8s.io", "AdminNetworkPolicy")
    for namespace in (NAMESPACE, "elsewhere"):
        api.create(policy("cilium.io", "CiliumNetworkPolicy", namespace))
    api.create(policy("policy.networking.k8s.io", "AdminNetworkPolicy", ""))
    limited = reach(*asked)
    assert limited.stdout.startswith("ingress-nginx -> svc-messaging 3007/TCP: denied")
    assert "note: ingress-nginx runs in the network of its node (ingress-nginx/DaemonSet/controller)" in limited.stderr
    assert "note: monitoring runs in the network of its node (monitoring/DaemonSet/prometheus)" in limited.stderr
    assert "node-exporter" not in limited.stderr
    assert "1 CiliumNetworkPolicy" in limited.stderr, "that of another namespace does not count"
    assert "1 AdminNetworkPolicy" in limited.stderr
    assert "not evaluated" in reach("--context", "gx-local").stderr
    dns = reach("--from", "svc-messaging", "--to", "dns", "--context", "gx-local")
    assert dns.stdout.startswith("svc-messaging -> dns 53/TCP: allowed")


ON_NODES: list[tuple[str, str, dict[str, Any]]] = [
    ("ingress-nginx", "controller", {"ports": [{"containerPort": 80}]}),
    ("monitoring", "prometheus", {"image": "quay.io/prometheus/prometheus:v3"}),
    ("monitoring", "node-exporter", {"image": "quay.io/prometheus/node-exporter:v1"}),
    ("kube-system", "kube-proxy", {"ports": [{"containerPort": 10249}]}),
]
"""Pods in the network of their nodes: two that a policy means, and two that always run so."""


def daemon_set(namespace: str, name: str, container: dict[str, Any]) -> dict[str, Any]:
    labels = {"app": name}
    pod = {"hostNetwork": True, "containers": [{"name": "main", "image": "x:1", **container}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


def serve(api: KubernetesApi, group: str, kind: str) -> None:
    """Let the server serve a kind of policy, as the installation of a network does."""
    plural = f"{kind.lower().removesuffix('y')}ies"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v2", "served": True, "storage": True, "schema": schema}
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    scope = "Namespaced" if kind.startswith("Cilium") else "Cluster"
    annotations = {"api-approved.kubernetes.io": "unapproved, for a test"}
    api.create(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}", "annotations": annotations},
            "spec": {"group": group, "names": names, "scope": scope, "versions": [version]},
        }
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(ApiError, UnreachableError):
            list(api.list_objects(f"{group}/v2", kind))
            return
        time.sleep(0.2)
    raise AssertionError(f"{kind} is not served")


def policy(group: str, kind: str, namespace: str) -> dict[str, Any]:
    metadata = {"name": "other", **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": f"{group}/v2", "kind": kind, "metadata": metadata, "spec": {}}


def test_a_cluster_that_cannot_be_read_is_one_line(reach: Gx) -> None:
    wrong = reach("--context", "elsewhere")
    assert "no cluster can be reached" in one_line(wrong)
