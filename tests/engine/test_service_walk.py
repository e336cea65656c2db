"""A service comes to two networks by promotion and leaves them so, on the real engine and a real API server."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from common.objects import sequence
from gx.verify.record import verified_set, write_verified
from gx.verify.running import running
from settings.offline import offline_settings
from settings.project import release_file
from tests.engine.conftest import Cluster, Stack
from tests.helpers.stack import edit, edit_release

Gx = Callable[..., subprocess.CompletedProcess[str]]
SERVICE = "svc-tax"


def absent(release: dict[str, Any]) -> None:
    del release["workloads"][SERVICE]
    release["absent"] = [SERVICE]


def present(release: dict[str, Any]) -> None:
    release["workloads"][SERVICE] = {"tag": "2.1.5"}
    del release["absent"]


def objects_of(stack: Stack) -> set[str]:
    """Return what of the service is live: its objects, and the public paths that lead to it."""
    asked = (
        ("apps/v1", "Deployment", SERVICE),
        ("v1", "Service", SERVICE),
        ("networking.k8s.io/v1", "NetworkPolicy", f"gx-{SERVICE}"),
    )
    found = {kind for version, kind, name in asked if stack.api.get(version, kind, stack.namespace, name) is not None}
    ingress = stack.get("networking.k8s.io/v1", "Ingress", "gx-backend-ingress")
    paths = [path for rule in sequence(ingress, "spec", "rules") for path in sequence(rule, "http", "paths")]
    return found | {"path" for path in paths if path["backend"]["service"]["name"] == SERVICE}


EVERYTHING = {"Deployment", "Service", "NetworkPolicy", "path"}


def prove(stack: Stack) -> None:
    """Record what `gx verify` does after its checks have passed; what it asks from outside is not here."""
    settings = offline_settings(stack.network.stack, stack.root)
    newest = verified_set(settings, running(stack.api, settings).since, 40, [])
    write_verified(stack.root, settings, stack.api.uid(), newest)


@dataclass(frozen=True)
class Walk:
    """Two networks of one project on one cluster."""

    first: Stack
    second: Stack
    gx: Gx

    def promote(self) -> subprocess.CompletedProcess[str]:
        """Type `gx promote`."""
        return self.gx("promote", "devnet", "testnet", "--context", "gx-local", cwd=self.first.root)

    def refused(self, line: str) -> None:
        """Try to promote: the gate says why not, and nothing is written."""
        before = self.release()
        done = self.promote()
        assert done.returncode == 3, done.stdout + done.stderr
        assert f"refused: {line}" in done.stdout
        assert self.release() == before

    def release(self) -> dict[str, Any]:
        """Return the second network's release file."""
        return yaml.safe_load((self.first.root / release_file("testnet")).read_text())

    def settled(self) -> None:
        """Nothing is left to do on either network."""
        for stack in (self.first, self.second):
            assert set(stack.run("preview").changes) == {"same"}


@pytest.mark.soak  # the guide of docs/add-a-service.md walks the first half of it in every run
@pytest.mark.timeout(900)
def test_the_walk(cluster: Cluster, make_stack: Callable[..., Stack], gx: Gx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cluster.folder.kubeconfig))
    first = make_stack("devnet")
    for network in ("devnet", "testnet"):
        edit_release(first.root, network, absent)
    numbers: dict[str, Any] = {}

    def take_numbers(config: dict[str, Any]) -> None:
        numbers[SERVICE] = config["workloads"].pop(SERVICE)
        config["promotion"]["soakHours"] = 0

    edit(first.root, "testnet", take_numbers)
    walk = Walk(first, make_stack("testnet", root=first.root), gx)
    for stack in (walk.first, walk.second):
        stack.run()
        assert objects_of(stack) == set()
    walk.settled()
    it_comes_to_the_first_and_the_next_one_can_change(walk)
    it_is_promoted_with_its_set(walk, numbers)
    it_leaves_the_first_and_the_next_one_by_promotion(walk)
    walk.settled()


def it_comes_to_the_first_and_the_next_one_can_change(walk: Walk) -> None:
    edit_release(walk.first.root, "devnet", present)
    changes = walk.first.run().changes
    assert set(changes) == {"create", "update", "same"}, changes
    assert objects_of(walk.first) == EVERYTHING
    walk.second.edit(lambda config: config["quota"].update(persistentVolumeClaims=17))
    changes = walk.second.run().changes
    assert (set(changes), changes.get("update")) == ({"update", "same"}, 1), "something urgent meanwhile"
    assert objects_of(walk.second) == set()


def it_is_promoted_with_its_set(walk: Walk, numbers: dict[str, Any]) -> None:
    walk.refused("devnet was never verified")
    prove(walk.first)
    walk.refused(f"{SERVICE} comes to testnet without settings: add workloads.{SERVICE} to Pulumi.testnet.yaml")
    walk.second.edit(lambda config: config["workloads"].update(numbers))
    done = walk.promote()
    assert done.returncode == 0, done.stdout + done.stderr
    shown = [line.split() for line in done.stdout.splitlines() if line.startswith(SERVICE)]
    assert shown == [[SERVICE, "absent", f"{SERVICE}:2.1.5"]]
    assert "absent" not in walk.release()
    walk.second.run()
    assert objects_of(walk.second) == EVERYTHING


def it_leaves_the_first_and_the_next_one_by_promotion(walk: Walk) -> None:
    edit_release(walk.first.root, "devnet", absent)
    walk.refused(f"devnet: {SERVICE} runs, and the release file calls it absent")
    changes = walk.first.run().changes
    assert set(changes) == {"delete", "update", "same"}, changes
    assert objects_of(walk.first) == set()
    assert objects_of(walk.second) == EVERYTHING
    walk.refused("devnet has not verified its set")
    prove(walk.first)
    done = walk.promote()
    assert done.returncode == 0, done.stdout + done.stderr
    assert walk.release()["absent"] == [SERVICE]
    walk.second.run()
    assert objects_of(walk.second) == set()
