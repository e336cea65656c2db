"""Brings a local cluster up and takes it down."""

import contextlib
from collections.abc import Generator
from pathlib import Path

import typer
from rich.console import Console

from common.errors import InputError, Interrupted, begun, note_change
from devcluster import pki
from devcluster.engine import EngineError
from devcluster.folder import DataFolder, clusters_below, folder_of
from devcluster.launch import running, stop
from devcluster.marker import MANAGER, marker, refuse_production, require_local
from devcluster.network import LocalNetwork
from devcluster.node import cgroups
from devcluster.node.docker import TOOLS, Tool, available
from devcluster.node.host import check, this_host
from devcluster.node.layers import layers
from devcluster.node.location import finish, in_docker, leave, receive
from devcluster.recovery import recover
from devcluster.view import EngineProgress, show_network
from devcluster.world import apply_cluster, label_nodes
from gx.cluster.kubernetes_api import ApiError, KubernetesApi, UnreachableError
from gx.cluster.refusals import explained
from settings.offline import offline_settings


def bring_up(stack: str, root: Path, data: Path, context: str, console: Console, *, pods: bool = False) -> None:
    """Start the cluster, create one network's surroundings, run the engine, show the result.

    Raises:
        InputError: A mistake that the user can fix; what was begun was stopped again.
    """
    settings = offline_settings(stack, root, adopting=False, local=pods)
    foreign = _foreign(context) if context else None
    folder = folder_of(data, context, pods=pods)
    folder.check_version()
    tool = _judge_machine(folder, context) if pods else None
    with _explained(stack, folder), folder.lock(), console.status("starting") as spinner:
        folder.create()
        built = layers(spinner.update) if pods else {}
        if tool is not None:
            spinner.update(f"{tool.name} makes a cluster in Docker")
            foreign = in_docker(tool, folder)
        if not folder.pki.exists() and foreign is None:
            pki.create(folder.pki)
        with running(folder, zone_only=foreign is not None, report=spinner.update) as started:
            if started:
                console.print(f"cluster started, data in {folder.path}")
            api = foreign or KubernetesApi.connect(folder.kubeconfig)
            if pods:
                spinner.update("bringing the images into the node")
                settings = receive(folder, tool, api, settings, built)
            apply_cluster(api, simulated_nodes=foreign is None and not pods)
            if foreign is not None:
                label_nodes(api, settings)
            network = LocalNetwork(
                folder=folder,
                settings=settings,
                root=root,
                kubeconfig=folder.kubeconfig if folder.kubeconfig.exists() else None,
                context=context,
                zone_url=f"http://127.0.0.1:{folder.ports()['zone']}/client/v4",
            )
            network.prepare(api, lambda text: spinner.update(f"surroundings of {stack}, {text}"))
            recover(network, api, console.print)
            spinner.stop()
            with EngineProgress(stack, console) as progress:
                result = network.run("up", progress.on_event)
        if pods:
            finish(folder, api, settings, console)
        show_network(network, api, result, console)


def _judge_machine(folder: DataFolder, context: str) -> Tool | None:
    """Return kind or k3d where they are to be used, else None for a node of this machine's own.

    Raises:
        InputError: This machine can have neither.
    """
    if context:
        fix = "leave --context out; kind or k3d are used by themselves where Docker is there"
        raise InputError(file="gx local up", key="--pods", consequence="makes a node of its own", fix=fix)
    known = TOOLS.get(folder.docker)
    tool = known or (available() if not folder.is_ours else None)
    if tool is None and folder.supervisor() is None:
        check(this_host())
        cgroups.remove()  # of a node that was killed
    return tool


@contextlib.contextmanager
def _explained(stack: str, folder: DataFolder) -> Generator[None]:
    """Turn what can go wrong on the way into the one line that a user can act on."""
    try:
        yield
    except Interrupted as interrupted:
        interrupted.state = "what this command started is stopped; the next `gx local up` goes on from here"
        raise
    except EngineError as error:
        raise InputError(
            file=f"stack {stack}",
            consequence=f"the engine failed: {error}",
            fix="correct what it names and run `gx local up` again",
        ) from None
    except (ApiError, UnreachableError) as error:
        raise InputError(
            file=str(folder.path), consequence=f"the API server: {error}", fix=f"see the logs in {folder.logs}"
        ) from None
    except OSError as error:
        raise InputError(
            file=str(error.filename or folder.path),
            consequence=f"cannot be written ({error.strerror or error}), what was started is stopped",
            fix="make room or correct the rights, then run `gx local up` again",
        ) from None


def _foreign(context: str) -> KubernetesApi:
    """Return a cluster of the user's own, if it is marked."""
    api = KubernetesApi.connect(context=context)
    try:
        require_local(api)
    except UnreachableError as error:
        raise InputError(
            file=api.origin, consequence=f"{error}, nothing was changed", fix="start the cluster, or choose another"
        ) from None
    except ApiError as error:
        raise InputError(
            file=api.origin, consequence=f"does not let us look: {error}", fix="use credentials of an administrator"
        ) from None
    return api


def take_down(data: Path, context: str, console: Console, *, delete: bool) -> None:
    """Stop every process of the cluster, of that with real pods too, and delete its data if asked to."""
    with begun("some of it is stopped or deleted already; the same command goes on from here"):
        for folder in clusters_below(data, context):
            _take_down(folder, console, delete=delete)


def _take_down(folder: DataFolder, console: Console, *, delete: bool) -> None:
    if not folder.path.exists():
        console.print(f"nothing to do: there is no {folder.path}")
        return
    if not delete or (not folder.is_ours and any(folder.own())):
        folder.check_version()
    with folder.lock():
        was_running = stop(folder)
        if folder.pods:
            leave(folder, console, delete_it=delete)
        if delete:
            folder.remove()
    console.print("stopped" if was_running else "nothing ran")
    console.print(f"deleted {folder.path}" if delete else f"the data stays in {folder.path}")


def mark_cluster(context: str, console: Console, *, confirmed: bool) -> None:
    """Write the marker into a cluster of the user's own.

    Raises:
        InputError: It is production, cannot be reached, or refuses.
    """
    api = KubernetesApi.connect(context=context)
    with explained(api, consequence="was not marked", fix="correct the access to that cluster"):
        refuse_production(api)
        uid = api.uid()
        question = f"{api.server} (uid {uid}): may gx create and delete anything there?"
        if not confirmed and not typer.confirm(question):
            console.print("not marked")
            return
        with begun(f"{api.server} may be marked already"):
            api.apply(marker(uid), manager=MANAGER, force=True)
        note_change(uid, f"{api.server} is marked")
    console.print(f"marked {api.server} as local; take it with `gx local up --context {context}`")
