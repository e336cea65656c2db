"""Policies made by hand: recorded, taken over as they are, retired by a feature gate, brought back by one command."""

import copy
import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from catalogue.feature_gates import FeatureGate
from tests.engine.by_hand import make
from tests.engine.conftest import Stack
from tests.engine.hand_made import NETWORK, HandMade
from tests.helpers.command import run_gx
from tests.helpers.stack import edit

NETWORKING = "networking.k8s.io/v1"
SELF: list[dict[str, Any]] = [{"podSelector": {}}]
OLD: dict[str, dict[str, Any]] = {  # as testnet has them
    "allow-internal-backend": {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": SELF}],
        "egress": [{"to": SELF, "ports": [{"port": port, "protocol": "TCP"} for port in (5432, 6379, 8080, 9090)]}],
    },
    "allow-ingress-to-api-gateway": {
        "podSelector": {"matchLabels": {"app": "api-gateway"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"port": 8080, "protocol": "TCP"}]}],
    },
}
MANAGED = ["environment", "network-policies"]
SAID = "default deny is not in force: policies made by hand (allow-internal-backend) open "


@pytest.fixture(scope="module")
def network(make_stack: Callable[..., Stack]) -> HandMade:
    """Return a network whose policies alone were made by hand, recorded and taken over."""
    made = HandMade(make_stack(NETWORK))
    for name, spec in OLD.items():
        metadata = {"name": name, "namespace": made.stack.namespace}
        make(made.api, {"apiVersion": NETWORKING, "kind": "NetworkPolicy", "metadata": metadata, "spec": spec})
    edit(made.root, NETWORK, lambda config: config.update(adopt=True, managedComponents=MANAGED, featureGates=[]))
    assert "orphans: live, and planned by nobody (2 NetworkPolicy)" in made.adopt().stdout
    for _ in range(2):  # what is recorded is planned: the second time they are taken over
        accepted = [word for name in made.refused(made.adopt()) for word in ("--accept", name)]
        result = made.adopt("--write", *accepted)
        assert result.returncode == 0, result.stdout + result.stderr
    made.stack.run()
    return made


def live(network: HandMade) -> dict[str, dict[str, Any]]:
    """Return the policies that are not the program's own."""
    found = network.api.list_objects(NETWORKING, "NetworkPolicy", network.stack.namespace)
    return {policy["metadata"]["name"]: policy for policy in found if policy["metadata"]["name"] in OLD}


def test_1_they_are_taken_over_as_they_are_and_said_by_every_command(network: HandMade) -> None:
    found = live(network)
    assert {name: policy["spec"] for name, policy in found.items()} == OLD
    assert all(policy["metadata"]["generation"] == 1 for policy in found.values()), "nothing of them was changed"
    written = yaml.safe_load((network.root / "networks" / NETWORK / "adoption.yaml").read_text())
    assert written["oldPolicies"] == OLD
    assert set(network.stack.run("preview").changes) == {"same"}
    for command in ("preview", "check"):
        assert SAID in run_gx(command, NETWORK, cwd=network.root).stdout, command
    assert SAID in network.gx("reach").stdout
    assert SAID in network.gx("check").stdout
    assert SAID in network.adopt().stdout
    table = network.gx("reach", "--from", "unlisted", "--to", "postgres").stdout
    assert "into postgres: allowed by gx-to-postgres, allow-internal-backend (live)" in table


def test_2_the_step_removes_them_and_nothing_else(network: HandMade) -> None:
    before = copy.deepcopy(network.uids())
    edit(network.root, NETWORK, lambda config: config.update(featureGates=[FeatureGate.RETIRE_OLD_POLICIES.value]))
    changes = network.stack.run("preview").changes
    assert changes == {"same": changes["same"], "delete": 3}, "two policies and the component that held them"
    assert live(network).keys() == OLD.keys(), "a preview removes nothing"
    network.stack.run()
    assert live(network) == {}
    assert network.uids() == before
    for name in ("reach", "check"):
        assert "default deny is not in force" not in network.gx(name).stdout
    written = network.adopt("--write")
    assert written.returncode == 0, written.stdout
    record = yaml.safe_load((network.root / "networks" / NETWORK / "adoption.yaml").read_text())
    assert record["oldPolicies"] == OLD, "the record is what brings them back"


def test_3_one_line_brings_them_back(network: HandMade) -> None:
    """What `gx reach` prints; the run itself is the Automation API's, as there is no language host here."""
    edit(
        network.root,
        NETWORK,
        lambda config: config.update(featureGates=["long-sockets", FeatureGate.RETIRE_OLD_POLICIES.value]),
    )
    stack = network.stack.network
    stack.prepare(network.api, lambda _: None)
    said = next(line for line in network.gx("reach").stdout.splitlines() if line.startswith("retired: "))
    assert "allow-ingress-to-api-gateway, allow-internal-backend" in said
    change, run = said.split("bring them back: ")[1].split(" && ")
    assert run == f"pulumi up -s {NETWORK}"
    environment = {**os.environ, **stack.environment()}
    subprocess.run(["bash", "-c", change], cwd=stack.project, env=environment, check=True, capture_output=True)
    settings = f"Pulumi.{NETWORK}.yaml"
    assert yaml.safe_load((stack.project / settings).read_text())["config"]["gx-infra:featureGates"] == ["long-sockets"]
    shutil.copy(stack.project / settings, network.root / settings)
    network.stack.run()
    assert {name: policy["spec"] for name, policy in live(network).items()} == OLD
