"""Where Docker and kind are at hand, `gx local up --pods` uses them: the whole way, with kind's own commands.

Neither can be had here: kind is played by a program whose cluster is a real one with real pods.
"""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gx.settings.project import ROOT
from tests.pods.devnet import Devnet, devnet, until

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Devnet]:
    """Return devnet on a machine that has Docker and kind."""
    programs = tmp_path / "bin"
    programs.mkdir()
    fake = ROOT / "tests" / "pods" / "fake_kind.py"
    for name, line in (("docker", "exit 0"), ("kind", f'exec "{sys.executable}" "{fake}" "$@"')):
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with devnet() as found:
        monkeypatch.setenv("GX_FAKE_KIND", str(found.data.parent / "kind"))
        yield found


def test_kind_takes_the_place_of_the_node(network: Devnet) -> None:
    said = network.up()
    assert "--context kind-gx-local" in said
    assert network.folder.docker == "kind"
    until(lambda: not network.verify()["failed"], 60)
    assert "the cluster of kind goes on" in network.gx("local", "down", "--data", str(network.data)).stdout
    network.up()
    assert network.verify()["failed"] == 0
