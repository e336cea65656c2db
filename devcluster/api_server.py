"""An API server for one command: empty, with its admission, and gone afterwards."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

from devcluster import pki
from devcluster.binaries import find
from devcluster.folder import DataFolder
from devcluster.launch import running, stop
from gx.cluster.kubernetes_api import KubernetesApi


def programs() -> None:
    """See that the programs are there.

    Raises:
        InputError: One is not built.
    """
    for name in ("etcd", "kube-apiserver"):
        find(name)


@contextlib.contextmanager
def api_server(report: Callable[[str], None]) -> Generator[KubernetesApi]:
    """Run an API server of the pinned version on loopback; nothing in it acts on the objects that it is given.

    Args:
        report: Takes one line for each program that starts.

    Raises:
        InputError: A program is not built, or did not start.
    """
    programs()
    path = Path(tempfile.mkdtemp(prefix="gx-server-"))
    folder = DataFolder(path / "data")
    try:
        folder.create()
        pki.create(folder.pki)
        with running(folder, zone_only=False, alone=True, report=report):
            api = KubernetesApi.connect(folder.kubeconfig)
            try:
                yield api
            finally:
                api.close()
    finally:
        stop(folder)
        shutil.rmtree(path)
