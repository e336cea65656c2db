"""What differs on one machine is a file of settings: merged, bounded, and shown in full."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from common.errors import InputError
from devcluster.node.addresses import LOCAL_LINK
from gx.plan.record import record
from rules import run_checks
from rules.finding import Severity
from settings.offline import offline_settings
from settings.overlay import laid_over
from settings.project import local_file
from tests.helpers.command import one_line
from tests.helpers.stack import edit, put

Gx = Callable[..., subprocess.CompletedProcess[str]]


def test_mappings_are_merged_and_lists_take_the_others_place() -> None:
    below = {"a": {"x": 1, "y": {"z": 1}}, "b": [1, 2], "c": 1}
    assert laid_over(below, {"a": {"y": {"w": 2}}, "b": [3], "d": 4}) == {
        "a": {"x": 1, "y": {"z": 1, "w": 2}},
        "b": [3],
        "c": 1,
        "d": 4,
    }
    assert below == {"a": {"x": 1, "y": {"z": 1}}, "b": [1, 2], "c": 1}, "nothing is changed in place"


def test_only_a_local_network_has_it() -> None:
    real, local = offline_settings("devnet"), offline_settings("devnet", local=True)
    assert (real.stack.local, local.stack.local) == (False, True)
    assert real.stack.edge.enabled is False
    assert local.stack.edge.enabled is True
    assert real.release == local.release, "images are the same, by the same names"
    assert real.stack.scheduling == local.stack.scheduling


REFUSED = [
    ("devnet", put("nodes/0/address", "10.199.77.2"), ["nodes[0].address", "is no public IPv4 address"]),
    ("devnet", put("local", True), ["nodes[0].address", "a local network has the local node alone"]),
    ("mainnet", put("local", True), ["nodes[0].address", "a local network has the local node alone"]),
    ("devnet", put("edge", {"enabled": True}), ["edge.enabled", "belong to the production network"]),
]


@pytest.mark.parametrize(("stack", "change", "words"), REFUSED)
def test_a_real_network_cannot_pass_for_a_local_one(
    project: Path, stack: str, change: Callable[[dict[str, object]], object], words: list[str]
) -> None:
    edit(project, stack, change)
    with pytest.raises(InputError) as caught:
        offline_settings(stack, project)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_production_is_never_local(project: Path) -> None:
    def change(config: dict[str, object]) -> None:
        config["local"] = True
        config["nodes"] = [{"id": "vps1", "address": "10.199.77.2"}]
        config["dns"] = {"wallet": ["vps1"], "api": ["vps1"]}

    edit(project, "mainnet", change)
    with pytest.raises(InputError, match="production runs on its own nodes"):
        offline_settings("mainnet", project)


def test_no_committed_stack_file_says_local(project: Path) -> None:
    for file in project.glob("Pulumi.*.yaml"):
        assert "gx-infra:local" not in yaml.safe_load(file.read_text())["config"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a list", "holds no mapping"),
        ("local: true\nnodez: []", "gx-infra:nodez"),
        ("local: perhaps", "gx-infra:local"),
        ("nodes: [{id: vps4, address: 127.0.0.1}]", "no public IPv4 address"),
        ("local: true\nnodes: [{id: vps4, address: 217.196.51.190}]", "the local node alone"),
        (
            "local: true\nnodes: [{id: vps4, address: 10.0.0.1}]\nedge: {ranges: [173.245.48.0/20]}",
            "reaches a local node",
        ),
    ],
)
def test_a_wrong_file_is_named(project: Path, text: str, words: str) -> None:
    (project / local_file("devnet")).write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        offline_settings("devnet", project, local=True)
    assert str(caught.value).startswith(f"{local_file('devnet')}: ")


def test_the_difference_is_shown_in_full(gx: Gx) -> None:
    done = gx("diff", "--local", "devnet")
    assert done.returncode == 0, done.stderr
    for words in ("+ DaemonSet/edge-proxy", "spec.replicas: 1 → 2", "10.199.77.2", "FREE_FLOOR_BYTES"):
        assert words in done.stdout, words
    assert "image" not in done.stdout.replace("edge-proxy", ""), "no image differs"
    found = json.loads(gx("diff", "--local", "--json", "devnet").stdout)
    assert LOCAL_LINK.split("/")[0][:-1] in json.dumps(found)


def test_the_local_network_passes_every_check_that_the_real_one_does() -> None:
    plan = record("devnet", local=True)
    errors = [finding for finding in run_checks(plan) if finding.severity is Severity.ERROR]
    assert errors == []


def test_a_network_without_the_file_says_so(gx: Gx) -> None:
    done = gx("diff", "--local", "mainnet")
    assert "networks/mainnet/local.yaml" in one_line(done)
