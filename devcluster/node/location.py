"""Where real pods run: a node of this machine's own, or a cluster in Docker, and what each needs around the engine."""

import dataclasses
import time
from pathlib import Path

from rich.console import Console

from common.cluster import INGRESS_CONTROLLERS
from common.errors import InputError
from common.naming import DNS_NAMESPACE, MONITORING_NAMESPACE
from common.objects import sequence
from devcluster.folder import DataFolder
from devcluster.marker import MANAGER, marker
from devcluster.node import cgroups
from devcluster.node.backup import first_backup
from devcluster.node.config import write_hosts
from devcluster.node.docker import TOOLS, Tool, delete, ensure, load
from devcluster.node.images import images, node_images
from devcluster.node.ready import wait_until_ready
from devcluster.node.store import import_images
from gx.cluster.kubernetes_api import KubernetesApi
from settings.dns import wanted_records
from settings.settings import Settings
from settings.traffic import Node

ADDRESS_SECONDS = 60


def in_docker(tool: Tool, folder: DataFolder) -> KubernetesApi:
    """Have a cluster of the tool's there, marked as made for trials; return it."""
    made = ensure(tool, folder.kubeconfig)
    folder.in_docker(tool.name)
    api = KubernetesApi.connect(folder.kubeconfig)
    if made:
        api.apply(marker(api.uid()), manager=MANAGER, force=True)
    return api


def receive(
    folder: DataFolder, tool: Tool | None, api: KubernetesApi, settings: Settings, layers: dict[str, Path]
) -> Settings:
    """Bring the images to the node and say where it is; return the settings with its address."""
    wanted = images(settings)
    if tool is None:
        import_images(folder, [*node_images(), *wanted], layers)
    else:
        load(tool, wanted, layers)
        nodes = tuple(Node(id=node.id, address=_address(api)) for node in settings.stack.nodes)
        settings = dataclasses.replace(settings, stack=settings.stack.model_copy(update={"nodes": nodes}))
    write_hosts(folder.node, wanted_records(settings))
    return settings


def _address(api: KubernetesApi) -> str:
    """Return the address of the cluster's first node, as this machine reaches it."""
    deadline = time.monotonic() + ADDRESS_SECONDS
    while time.monotonic() < deadline:
        for node in api.list_objects("v1", "Node"):
            for entry in sequence(node, "status", "addresses"):
                if entry["type"] == "InternalIP":
                    return str(entry["address"])
        time.sleep(0.5)
    raise InputError(file=api.origin, consequence="no node has an address yet", fix="run `gx local up` again")


def finish(folder: DataFolder, api: KubernetesApi, settings: Settings, console: Console) -> None:
    """Wait until every pod serves, and make the first backup."""
    supervisor = folder.supervisor()
    own = supervisor is not None and not folder.docker
    since = supervisor.create_time() if supervisor is not None and own else 0.0
    network = settings.network
    around = (INGRESS_CONTROLLERS[settings.stack.ingress.controller].namespace, MONITORING_NAMESPACE, DNS_NAMESPACE)
    with console.status("waiting for the pods") as spinner:
        waiting = wait_until_ready(api, (network.namespace, network.edge_namespace, *around), since, spinner.update)
        if waiting:
            console.print(f"not ready: {', '.join(waiting)}; see kubectl describe pod", style="yellow")
        spinner.update("the first backup")
        if not first_backup(api, settings, MANAGER):
            console.print("the first backup did not succeed: see the logs of its Job", style="yellow")


def leave(folder: DataFolder, console: Console, *, delete_it: bool) -> None:
    """Remove what is left of the node; a cluster in Docker goes with its data alone."""
    cgroups.remove()
    tool = TOOLS.get(folder.docker)
    if tool is not None and delete_it:
        delete(tool, folder.kubeconfig)
    elif tool is not None:
        console.print(f"the cluster of {tool.name} goes on; --delete removes it")
