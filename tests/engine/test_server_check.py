"""`gx check --server`: what a real API server refuses and no rule of ours knows, all networks together."""

import dataclasses
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from common.plan import Plan
from devcluster.api_server import api_server
from gx.check.server import server_findings
from gx.cluster.kubernetes_api import KubernetesApi
from rules.finding import Severity
from tests.engine.conftest import needed_binaries
from tests.helpers.mutate import Change, changed, container, find, put, with_resource

Gx = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def server() -> Iterator[KubernetesApi]:
    """Run an API server in which nothing acts."""
    needed_binaries(("etcd", "kube-apiserver"))
    with api_server(lambda _: None) as api:
        yield api


@pytest.fixture
def api(server: KubernetesApi) -> Iterator[KubernetesApi]:
    """Return the server, and take away what a test has left in its namespaces."""
    yield server
    for namespace in list(server.list_objects("v1", "Namespace")):
        name = namespace["metadata"]["name"]
        for version, kind in _KINDS if name not in {"default", "kube-system", "kube-public", "kube-node-lease"} else ():
            for found in list(server.list_objects(version, kind, name)):
                server.patch(found, {"metadata": {"finalizers": None}})
                server.delete(version, kind, name, found["metadata"]["name"], propagation="Background")


_KINDS = (("v1", "Pod"), ("v1", "Service"), ("v1", "ResourceQuota"), ("v1", "LimitRange"), ("apps/v1", "Deployment"))


def errors(api: KubernetesApi, *plans: Plan) -> list[str]:
    """Return what is refused."""
    found = server_findings(api, plans)
    return [f"{finding.location}: {finding.text}" for finding in found if finding.severity is Severity.ERROR]


def tolerations(inputs: dict[str, Any]) -> None:
    spec = inputs["spec"]["template"]["spec"]
    spec["tolerations"] = [{"key": "gx", "operator": "Exists", "value": "x"}]


def twice_in_environment(inputs: dict[str, Any]) -> None:
    container(inputs)["env"] += [{"name": "TWICE", "value": "1"}, {"name": "TWICE", "value": "2"}]


REFUSED: list[tuple[str, str, Change, str]] = [
    ("CronJob", "minio-backup", put("spec", "schedule", value="0 3 * * 7"), "spec.schedule"),
    ("Deployment", "svc-tax", tolerations, "value must be empty when `operator` is 'Exists'"),
    ("Deployment", "svc-tax", twice_in_environment, "duplicate entries for key"),
    ("Deployment", "svc-tax", put("spec", "paused", value="no"), "paused"),
    ("Deployment", "svc-tax", put("spec", "repliccas", value=2), "repliccas"),
    ("HorizontalPodAutoscaler", "svc-identity-hpa", put("spec", "minReplicas", value=99), "minReplicas"),
    ("PodDisruptionBudget", "svc-admin", put("spec", "minAvailable", value=1), "cannot be both set"),
    ("Namespace", "backend-mainnet", put("metadata", "labels", "a", value="two words"), "metadata.labels"),
    ("Ingress", "gx-wallet-ingress", put("spec", "rules", 0, "host", value="*.*.example.com"), "host"),
    ("NetworkPolicy", "gx-svc-tax", put("spec", "policyTypes", value=["Egres"]), "policyTypes"),
    ("Secret", "minio-credentials", put("type", value="kubernetes.io/tls"), "tls.crt"),
]


@pytest.mark.parametrize("case", REFUSED, ids=[entry[3] for entry in REFUSED])
def test_what_kubernetes_refuses_is_a_finding(
    api: KubernetesApi, mainnet: Plan, case: tuple[str, str, Change, str]
) -> None:
    kind, name, change, text = case
    found = errors(api, changed(mainnet, kind, name, change))
    assert any(f"mainnet {kind}/{name} (of " in line and "is refused by Kubernetes" in line for line in found), found
    assert any(text in line for line in found), found


def test_all_networks_together_are_taken(api: KubernetesApi, plans: dict[str, Plan]) -> None:
    assert errors(api, *plans.values()) == []
    assert sum(1 for _ in api.list_objects("v1", "Pod")) > 2 * len(plans), "pods were offered"
    quota = next(api.list_objects("v1", "ResourceQuota", "backend-mainnet"))
    assert int(quota["status"]["used"]["pods"]) > 10, "and the quota counted them"


def test_a_node_port_is_given_once(api: KubernetesApi, plans: dict[str, Plan]) -> None:
    def port(inputs: dict[str, Any]) -> None:
        inputs["spec"].update(type="NodePort")
        inputs["spec"]["ports"][0]["nodePort"] = 30917

    both = [changed(plans[name], "Service", "svc-tax", port) for name in ("devnet", "testnet")]
    found = errors(api, *both)
    assert len(found) == 1, found
    assert found[0].startswith("testnet Service/svc-tax")
    assert "provided port is already allocated" in found[0]


def test_admission_looks_at_the_pods(api: KubernetesApi, mainnet: Plan) -> None:
    enforced = put("metadata", "labels", "pod-security.kubernetes.io/enforce", value="restricted")
    found = errors(api, changed(mainnet, "Namespace", "backend-mainnet", enforced))
    assert any("StatefulSet/minio" in line and "violates PodSecurity" in line for line in found), found


def test_the_quota_counts_every_pod(api: KubernetesApi, mainnet: Plan) -> None:
    plan = changed(mainnet, "ResourceQuota", "backend-mainnet-quota", put("spec", "hard", "pods", value="3"))
    found = errors(api, plan)
    assert any("exceeded quota: backend-mainnet-quota, requested: pods=1, used: pods=3" in line for line in found)


def test_a_kind_of_an_operator_is_a_note(api: KubernetesApi, mainnet: Plan) -> None:
    service = find(mainnet, "Service", "svc-tax")
    inputs = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "x"}, "spec": {}}
    more = dataclasses.replace(service, urn="urn:x", type="kubernetes:monitoring.coreos.com/v1:X", inputs=inputs)
    found = [finding for finding in server_findings(api, [with_resource(mainnet, more)]) if "X/x" in finding.location]
    assert [finding.severity for finding in found] == [Severity.NOTE]


def test_secret_values_are_not_sent(api: KubernetesApi, mainnet: Plan) -> None:
    assert errors(api, mainnet) == []
    stored = api.get("v1", "Secret", "backend-mainnet", "minio-credentials")
    assert stored is not None
    assert set(stored["data"].values()) == {"KHNlY3JldCk="}


def test_the_command(gx: Gx) -> None:
    done = gx("check", "testnet", "--server")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "objects and their pods offered in" in done.stdout
    both = gx("check", "testnet", "--server", "--context", "x")
    assert both.returncode == 2
    assert both.stderr.startswith("gx check: --context: looks elsewhere than --server")
