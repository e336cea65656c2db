"""`pulumi up --policy-pack policy` on the real engine: a stack made, unchanged, rotated, and one that breaks a rule."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devcluster.engine import EngineError
from settings.project import ROOT
from tests.conftest import unavailable
from tests.engine.conftest import Stack

PYTHON = ROOT / "policy/.venv/bin/python"
WARNINGS = {"DaemonSet/edge-proxy", "StatefulSet/minio", "CronJob/minio-backup", "Pulumi.mainnet.yaml"}


class Packed:
    """A stack whose runs are checked by the pack."""

    def __init__(self, stack: Stack, kept: Path) -> None:
        self.stack = stack
        self._kept = kept

    def run(self, operation: str) -> dict[str, Any]:
        """Run the engine; return the resources that it handed over and what the pack said."""
        self._kept.unlink(missing_ok=True)
        self.stack.run(operation, policy_packs=[str(ROOT / "policy")])
        return self.last()

    def last(self) -> dict[str, Any]:
        """Return what was handed over last."""
        return json.loads(self._kept.read_text())


@pytest.fixture(scope="module")
def mainnet(make_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return mainnet, with a pack that the engine finds on PATH."""
    if not PYTHON.exists():
        unavailable("needs the pack's environment: run `make tools`")
    folder = tmp_path_factory.mktemp("pack")
    analyzer = folder / "pulumi-analyzer-policy-python"
    script = ROOT / "tests/engine/analyzer.py"
    analyzer.write_text(f'#!/bin/sh\nexec "{PYTHON}" -u -W ignore "{script}" "$@"\n')
    analyzer.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("GX_HANDED_OVER", str(folder / "handed-over.json"))
        packed = Packed(make_stack("mainnet"), folder / "handed-over.json")
        made = packed.run("up")
        assert rules(made) == set()
        yield packed


def rules(run: dict[str, Any]) -> set[str]:
    """Return the policies that were broken."""
    return {said["policy"] for said in run["said"] if said["mandatory"]}


def advice(run: dict[str, Any]) -> set[str]:
    """Return the places that the pack warns about."""
    return {said["text"].split(": ")[1] for said in run["said"] if not said["mandatory"]}


def test_an_unchanged_stack_breaks_no_rule(mainnet: Packed) -> None:
    found = mainnet.run("preview")
    assert (rules(found), advice(found)) == (set(), WARNINGS)
    passwords = [r for r in found["resources"] if r["type"].endswith(":RandomPassword")]
    assert all(isinstance(r["props"]["result"], str) for r in passwords), "in clear text: that is what must not confuse"


def test_a_rotation_in_progress_breaks_no_rule(mainnet: Packed) -> None:
    mainnet.stack.edit(lambda config: config.__setitem__("secretEpochs", {"minioMessagingUser": 2}))
    found = mainnet.run("preview")
    assert (rules(found), advice(found)) == (set(), WARNINGS)
    users = next(r for r in found["resources"] if r["name"] == "minio-users" and r["type"].endswith(":Secret"))
    assert users["props"]["stringData"] == {"__unknown__": True}, "as a whole: that is what must not confuse"
    mainnet.stack.edit(lambda config: config.pop("secretEpochs"))


def test_a_broken_rule_stops_the_run(mainnet: Packed) -> None:
    def confuse(config: dict[str, Any]) -> None:
        config["workloads"]["svc-tax"]["env"] = {"MSP": "Org1DevnetMSP"}

    mainnet.stack.edit(confuse)
    with pytest.raises(EngineError):
        mainnet.run("preview")
    assert rules(mainnet.last()) == {"foreign-names"}
