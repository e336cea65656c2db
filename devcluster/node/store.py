"""Brings images into the node's containerd."""

import hashlib
import subprocess
from pathlib import Path

import psutil

from common.errors import InputError
from devcluster.folder import DataFolder
from devcluster.node.config import SOCKET
from devcluster.node.images import LocalImage, write_archive

IMPORTED = "images"
"""Says which images the node has; another set is imported again."""


def first_process(folder: DataFolder) -> int | None:
    """Return the id of the node's first process, as this machine counts, or None when no node runs."""
    supervisor = folder.supervisor()
    for process in supervisor.children(recursive=True) if supervisor else ():
        try:
            if process.name() != "unshare" and "inside" in process.cmdline():
                return process.pid
        except psutil.NoSuchProcess:
            continue
    return None


def import_images(folder: DataFolder, wanted: list[LocalImage], layers: dict[str, Path]) -> bool:
    """Bring images into the node, if it does not have this very set; return whether that was needed.

    Raises:
        InputError: containerd refuses them.
    """
    words = sorted(f"{image} {[layers[name].name for name in image.layers]}" for image in wanted)
    key = hashlib.sha256("\n".join(words).encode()).hexdigest()
    marker = folder.node / IMPORTED
    if marker.exists() and marker.read_text() == key:
        return False
    process = first_process(folder)
    assert process is not None, "the node was started a moment ago"
    # The socket lies in the node's own /run, which this machine sees through the node's first process.
    command = ["ctr", "--address", f"/proc/{process}/root{SOCKET}", "--namespace", "k8s.io", "images", "import", "-"]
    with subprocess.Popen(  # noqa: S603 fixed words
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stderr is not None
        try:
            write_archive(child.stdin, wanted, layers)
            child.stdin.close()
        except BrokenPipeError:
            pass  # what it says next is the reason
        said = child.stderr.read().decode(errors="replace").strip()
    if child.returncode != 0:
        raise InputError(
            file=str(folder.node),
            consequence=f"containerd refuses the images: {said[-300:]}",
            fix=f"see {folder.logs / 'containerd.log'}",
        )
    marker.write_text(key)
    return True
