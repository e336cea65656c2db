"""The control groups of the node: everything that runs in it, and how much memory that took at most."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
NAME = "gx-local-pods"
LEAF = "init"
"""Version 2 allows processes in leaves only: the node's own programs are here, beside the pods."""
CGROUP_CONTROLLERS = "+cpu +memory +pids +io +cpuset"


def is_v2() -> bool:
    """Whether the machine has one tree for all controllers."""
    return (ROOT / "cgroup.controllers").exists()


def hierarchies() -> list[Path]:
    """Return the trees that hold controllers."""
    if is_v2():
        return [ROOT]
    return sorted(path.parent for path in ROOT.glob("*/cgroup.procs") if path.parent.name != "unified")


def enter() -> None:
    """Create the groups and move this process into them."""
    for tree in hierarchies():
        group = tree / NAME
        group.mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):
            if not is_v2() and (tree / file).exists():
                (group / file).write_text((tree / file).read_text())
        if is_v2():
            (tree / "cgroup.subtree_control").write_text(CGROUP_CONTROLLERS)
        (group / "cgroup.procs").write_text(str(os.getpid()))


def settle() -> None:
    """Inside the node, in version 2: leave the top group, so that groups of pods can be made below it."""
    (ROOT / LEAF).mkdir(exist_ok=True)
    for process in (ROOT / "cgroup.procs").read_text().split():
        (ROOT / LEAF / "cgroup.procs").write_text(process)
    (ROOT / "cgroup.subtree_control").write_text(CGROUP_CONTROLLERS)


def remove() -> None:
    """Remove the groups, those of pods first; what still holds a process stays."""
    for group in _existing():
        for folder in sorted(group.rglob("*"), key=lambda path: len(path.parts), reverse=True):
            if folder.is_dir():
                with contextlib.suppress(OSError):
                    folder.rmdir()
        with contextlib.suppress(OSError):
            group.rmdir()


def processes() -> list[int]:
    """Return the ids of the processes that are in the groups."""
    found: set[int] = set()
    for group in _existing():
        for file in group.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                found.update(map(int, file.read_text().split()))
    return sorted(found)


def _existing() -> Iterator[Path]:
    return (tree / NAME for tree in hierarchies() if (tree / NAME).is_dir())


def memory_bytes() -> int:
    """Return the memory of everything in the node, without what the kernel would give back (file caches)."""
    tree = ROOT if is_v2() else ROOT / "memory"
    lines = (tree / NAME / "memory.stat").read_text().splitlines()
    stat = dict(line.split() for line in lines)
    names = ("anon", "kernel") if is_v2() else ("total_rss", "total_mapped_file")
    return sum(int(stat.get(name, 0)) for name in names)
