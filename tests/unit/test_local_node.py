"""Parts of the node with real pods that need no node: control groups of both versions, readiness, folders."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.objects import Object
from devcluster.folder import CONTEXT, PODS, DataFolder, folder_of
from devcluster.node import cgroups
from devcluster.node.ready import serves


@pytest.fixture
def version_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a tree as version 2 has it, as far as files go."""
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    (tmp_path / "cgroup.procs").write_text("1\n2\n")
    return tmp_path


@pytest.fixture
def version_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return two trees as version 1 has them, and the empty one of version 2 beside."""
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    for name in ("cpuset", "memory", "unified"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").write_text("1\n")
    for file in ("cpuset.cpus", "cpuset.mems"):
        (tmp_path / "cpuset" / file).write_text("0-1")
    return tmp_path


def test_in_version_2_a_group_is_entered_and_settled(version_2: Path) -> None:
    cgroups.enter()
    group = version_2 / cgroups.NAME
    assert group.joinpath("cgroup.procs").read_text() == str(os.getpid())
    assert "+memory" in (version_2 / "cgroup.subtree_control").read_text()
    assert cgroups.processes() == [os.getpid()]
    cgroups.settle()
    assert (version_2 / cgroups.LEAF / "cgroup.procs").read_text() == "2", "each process was moved, the last one last"


def test_in_version_2_memory_is_what_cannot_be_given_back(version_2: Path) -> None:
    (version_2 / cgroups.NAME).mkdir()
    (version_2 / cgroups.NAME / "memory.stat").write_text("anon 100\nfile 5000\nkernel 20\n")
    assert cgroups.memory_bytes() == 120


def test_in_version_1_every_tree_is_entered_with_its_processors(version_1: Path) -> None:
    cgroups.enter()
    for tree in ("cpuset", "memory"):
        assert (version_1 / tree / cgroups.NAME / "cgroup.procs").read_text() == str(os.getpid())
    assert (version_1 / "cpuset" / cgroups.NAME / "cpuset.cpus").read_text() == "0-1"
    assert not (version_1 / "unified" / cgroups.NAME).exists()
    (version_1 / "memory" / cgroups.NAME / "memory.stat").write_text("total_rss 100\ntotal_mapped_file 7\ncache 900\n")
    assert cgroups.memory_bytes() == 107


def test_empty_groups_are_removed_and_others_stay(version_1: Path) -> None:
    for folder in (f"{cgroups.NAME}/k8s.io/pod", "somebody-else"):
        (version_1 / "memory" / folder).mkdir(parents=True)
    cgroups.remove()
    assert not (version_1 / "memory" / cgroups.NAME).exists()
    assert (version_1 / "memory" / "somebody-else").exists()


def _pod(phase: str = "Running", *, ready: bool = True, started: str = "2026-01-02T03:04:05Z") -> Object:
    state = {"running": {"startedAt": started}} if started else {"waiting": {"reason": "CrashLoopBackOff"}}
    return {
        "metadata": {"name": "a"},
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"state": state}],
        },
    }


START = datetime(2026, 1, 2, 3, 4, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("pod", "so"),
    [
        (_pod(), True),
        (_pod(ready=False), False),
        (_pod("Succeeded", ready=False), True),
        (_pod(started="2026-01-02T03:03:59Z"), False),
        (_pod(started=""), False),
    ],
    ids=["ready", "not ready", "ended", "of the run before", "waiting"],
)
def test_a_pod_serves_in_this_run_of_its_node(pod: Object, so: bool) -> None:
    assert serves(pod, START) is so


@pytest.mark.parametrize("other", [PODS, f"{CONTEXT}kind-mine"])
def test_deleting_one_cluster_leaves_the_others_below_its_folder(tmp_path: Path, other: str) -> None:
    usual = DataFolder(tmp_path / "data")
    usual.create()
    (usual.path / "etcd").mkdir()
    (usual.path / other).mkdir()
    (usual.path / other / "state").write_text("of another cluster")
    usual.check_version()
    usual.remove()
    assert (usual.path / other / "state").read_text() == "of another cluster"
    assert [path.name for path in usual.path.iterdir()] == [other]
    usual.check_version()


@pytest.mark.parametrize(
    ("context", "pods", "expected"), [("", False, ""), ("kind/x", False, "context-kind_x"), ("", True, "pods")]
)
def test_each_cluster_has_a_folder_of_its_own(tmp_path: Path, context: str, pods: bool, expected: str) -> None:
    assert folder_of(tmp_path, context, pods=pods).path == tmp_path / expected
