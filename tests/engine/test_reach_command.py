"""`gx reach` with the live policies of a real API server beside the planned ones."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

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


def test_a_cluster_that_cannot_be_read_is_one_line(reach: Gx) -> None:
    wrong = reach("--context", "elsewhere")
    assert "no cluster can be reached" in one_line(wrong)
