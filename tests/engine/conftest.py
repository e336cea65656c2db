"""A control plane per file of tests, networks on it, and small programs for the engine."""

import contextlib
import functools
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from common.errors import InputError
from devcluster import pki
from devcluster.binaries import KUBERNETES_PLUGIN, find
from devcluster.engine import EngineResult
from devcluster.folder import DataFolder
from devcluster.launch import running, stop
from devcluster.network import LocalNetwork
from devcluster.plugins import official
from devcluster.world import apply_cluster
from gx.cluster.kubernetes_api import KubernetesApi
from settings.offline import offline_settings
from tests.helpers.stack import Change, copy_project, edit

NEEDED = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "pulumi")


def needed_binaries(names: tuple[str, ...] = NEEDED) -> None:
    """Skip the tier where its programs are missing, fail in CI."""
    try:
        for name in names:
            find(name)
        if "pulumi" in names and official("kubernetes") is None:
            find(KUBERNETES_PLUGIN)
    except InputError as error:
        if os.environ.get("CI"):
            pytest.fail(f"in CI no tier may be missing: {error}")
        pytest.skip(str(error))


@dataclass
class Cluster:
    """A running control plane."""

    folder: DataFolder
    api: KubernetesApi

    @property
    def zone_url(self) -> str:
        """Base URL of the zone's API."""
        return f"http://127.0.0.1:{self.folder.ports()['zone']}/client/v4"


@dataclass
class Stack:
    """One network on the cluster, with a copy of the project that tests may edit."""

    cluster: Cluster
    network: LocalNetwork
    root: Path

    @property
    def api(self) -> KubernetesApi:
        """The API server."""
        return self.cluster.api

    @property
    def namespace(self) -> str:
        """The backend's namespace."""
        return self.network.settings.network.namespace

    def edit(self, change: Change) -> None:
        """Change the stack's settings for the runs that follow."""
        edit(self.root, self.network.stack, change)

    def run(self, operation: str = "up", **options: Any) -> EngineResult:
        """Run the engine with the settings as they are now."""
        self.network.prepare(self.api, lambda _: None)
        return self.network.run(operation, options=options)

    def get(self, api_version: str, kind: str, name: str) -> dict[str, Any]:
        """Return a live object of the namespace."""
        found = self.api.get(api_version, kind, self.namespace, name)
        assert found is not None, f"{kind} {name} is not there"
        return found


@contextlib.contextmanager
def control_plane() -> Generator[Cluster]:
    """Run a control plane; nothing of it is left afterwards."""
    needed_binaries()
    path = Path(tempfile.mkdtemp(prefix="gx-engine-"))
    folder = DataFolder(path / "data")
    folder.create()
    pki.create(folder.pki)
    try:
        with running(folder, zone_only=False, report=lambda _: None):
            api = KubernetesApi.connect(folder.kubeconfig)
            apply_cluster(api, simulated_nodes=True)
            yield Cluster(folder, api)
    finally:
        stop(folder)
        shutil.rmtree(path)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Run a control plane for one file's tests: no file finds what another has left, in whatever order they run."""
    with control_plane() as running_one:
        yield running_one


@pytest.fixture
def automation_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the Automation API run in this process: it leaves event loops and sockets of its own for the collector."""
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    yield
    gc.collect()


def stack_on(cluster: Cluster, name: str, change: Change = lambda _: None, root: Path | None = None) -> Stack:
    """Prepare a network on a cluster, with changed settings if wanted, in a copy of the project or a new one."""
    root = root or copy_project(Path(tempfile.mkdtemp(prefix=f"project-{name}-", dir=cluster.folder.path.parent)))
    edit(root, name, change)
    network = LocalNetwork(
        folder=cluster.folder,
        settings=offline_settings(name, root, adopting=False),
        root=root,
        kubeconfig=cluster.folder.kubeconfig,
        zone_url=cluster.zone_url,
    )
    return Stack(cluster, network, root)


@pytest.fixture(scope="module")
def make_stack(cluster: Cluster) -> Callable[..., Stack]:
    """Return a function that prepares a network on the cluster, with changed settings if wanted."""
    return functools.partial(stack_on, cluster)
