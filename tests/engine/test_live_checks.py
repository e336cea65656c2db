"""`gx check --context`: the rules of a network over what a real API server holds after the engine ran."""

import copy
import dataclasses
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from common.plan import Plan
from gx.check.live import live_findings
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.session import Prepared
from rules.finding import Finding, Severity
from tests.engine.conftest import Stack

NETWORKING = "networking.k8s.io/v1"

CACHE: dict[str, Any] = {  # as Kubernetes' own add-on is made
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "node-local-dns", "namespace": "kube-system"},
    "spec": {
        "selector": {"matchLabels": {"k8s-app": "node-local-dns"}},
        "template": {
            "metadata": {"labels": {"k8s-app": "node-local-dns"}},
            "spec": {
                "hostNetwork": True,
                "containers": [
                    {"name": "node-cache", "image": "dns:1", "ports": [{"containerPort": 53, "protocol": "UDP"}]}
                ],
            },
        },
    },
}

REGEX: dict[str, Any] = {
    "apiVersion": NETWORKING,
    "kind": "Ingress",
    "metadata": {
        "name": "other",
        "namespace": "elsewhere",
        "annotations": {"nginx.ingress.kubernetes.io/use-regex": "true"},
    },
    "spec": {
        "rules": [
            {
                "host": "devnet.gxcoin.money",
                "http": {
                    "paths": [
                        {
                            "path": "/new(/|$)(.*)",
                            "pathType": "ImplementationSpecific",
                            "backend": {"service": {"name": "other", "port": {"number": 80}}},
                        }
                    ]
                },
            }
        ]
    },
}


@pytest.fixture(scope="module")
def devnet(make_stack: Callable[..., Stack]) -> Stack:
    stack = make_stack("devnet")
    stack.run()
    return stack


def evaluated(stack: Stack, plan: Plan) -> list[Finding]:
    api: KubernetesApi = stack.api
    settings = stack.network.settings
    pinned = settings.stack.model_copy(update={"cluster_uid": api.uid()})
    prepared = Prepared(
        settings=dataclasses.replace(settings, stack=pinned), api=api, zone=None, before=None, kept_secrets=()
    )
    return live_findings(prepared, plan)


@pytest.mark.usefixtures("automation_api")
def test_what_the_engine_made_keeps_the_rules_and_what_a_hand_changed_does_not(
    devnet: Stack, plans: dict[str, Plan]
) -> None:
    found = evaluated(devnet, plans["devnet"])
    assert [f"{f.location}: {f.text}" for f in found if f.severity is Severity.ERROR or f.check == "reach"] == []
    container = {"name": "svc-tax", "image": "docker.io/library/nginx:latest"}
    devnet.api.request(
        "PATCH",
        f"/apis/apps/v1/namespaces/{devnet.namespace}/deployments/svc-tax",
        body={"spec": {"template": {"spec": {"containers": [container]}}}},
        content_type="application/strategic-merge-patch+json",
    )
    everybody: list[dict[str, Any]] = [{"podSelector": {}}]
    spec: dict[str, Any] = {"podSelector": {}, "ingress": [{"from": everybody}], "egress": [{"to": everybody}]}
    metadata = {"name": "allow-internal-backend", "namespace": devnet.namespace}
    devnet.api.create({"apiVersion": NETWORKING, "kind": "NetworkPolicy", "metadata": metadata, "spec": spec})
    devnet.api.create(CACHE)
    controller = copy.deepcopy(CACHE)
    controller["metadata"] = {"name": "controller", "namespace": "ingress-nginx"}
    devnet.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}})
    devnet.api.create(controller)
    devnet.api.create(REGEX)
    config = devnet.get("v1", "ConfigMap", "backend-config")
    devnet.api.patch(config, {"data": {"PEER": "https://mainnet.gxcoin.money"}}, manager="kubectl-edit")
    after = evaluated(devnet, plans["devnet"])
    errors = {(f.check, f.location) for f in after if f.severity is Severity.ERROR}
    (cache,) = (f for f in after if f.check == "reach" and f.location == "kube-system/DaemonSet/node-local-dns")
    assert "answers DNS at an address of the node" in cache.text
    (ingress,) = (f for f in after if f.location == "ingress-nginx/DaemonSet/controller")
    assert "runs in the network of its node" in ingress.text
    assert ("routes", "Ingress/elsewhere/other") in errors
    (outvoted,) = (f for f in after if f.check == "reach" and f.location == devnet.namespace)
    assert "default deny is not in force: policies made by hand (allow-internal-backend)" in outvoted.text
    assert ("registries", "Deployment/svc-tax/svc-tax") in errors
    assert ("images", "Deployment/svc-tax/svc-tax") in errors
    assert ("foreign-names", "ConfigMap/backend-config") in errors


def test_a_context_needs_one_network(gx: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = gx("check", "--context", "x")
    assert done.returncode == 2
    assert "gx check: --context: belongs to one network; fix: gx check mainnet --context x" in done.stderr
