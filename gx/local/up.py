"""Brings a local cluster up and takes it down."""

import contextlib
from collections.abc import Generator
from pathlib import Path

import typer
from rich.console import Console

from gx.dns import wanted_records
from gx.errors import InputError, Interrupted
from gx.live.kubernetes_api import ApiError, KubernetesApi, UnreachableError
from gx.local import pki
from gx.local.engine import EngineError
from gx.local.folder import DataFolder, folder_of
from gx.local.launch import running, stop
from gx.local.marker import marker, refuse_production, require_local
from gx.local.network import LocalNetwork
from gx.local.node import cgroups
from gx.local.node.backup import first_backup
from gx.local.node.config import write_hosts
from gx.local.node.host import check, this_host
from gx.local.node.images import images
from gx.local.node.layers import layers
from gx.local.node.ready import wait_until_ready
from gx.local.node.store import import_images
from gx.local.recovery import recover
from gx.local.show import EngineProgress, show_network
from gx.local.world import MANAGER, apply_cluster, label_nodes
from gx.naming import MONITORING_NAMESPACE
from gx.neighbours import CONTROLLERS
from gx.settings.offline import offline_settings
from gx.settings.settings import Settings


def bring_up(stack: str, root: Path, data: Path, context: str, console: Console, *, pods: bool = False) -> None:
    """Start the cluster, create one network's surroundings, run the engine, show the result.

    Raises:
        InputError: Something a person can mend; what was begun was stopped again.
    """
    settings = offline_settings(stack, root, adopting=False, local=pods)
    foreign = _foreign(context) if context else None
    folder = folder_of(data, context, pods=pods)
    folder.check_version()
    if pods and folder.supervisor() is None:
        check(this_host())
        cgroups.remove()  # of a node that was killed
    with _explained(stack, folder), folder.lock(), console.status("starting") as spinner:
        folder.create()
        built = layers(spinner.update) if pods else {}
        if not folder.pki.exists() and foreign is None:
            pki.create(folder.pki)
        with running(folder, zone_only=foreign is not None, report=spinner.update) as started:
            if started:
                console.print(f"cluster started, data in {folder.path}")
            api = foreign or KubernetesApi.connect(folder.kubeconfig)
            network = LocalNetwork(
                folder=folder,
                settings=settings,
                root=root,
                kubeconfig=None if foreign else folder.kubeconfig,
                context=context,
                zone_url=f"http://127.0.0.1:{folder.ports()['zone']}/client/v4",
            )
            if pods:
                spinner.update("bringing the images into the node")
                import_images(folder, images(settings), built)
                write_hosts(folder.node, wanted_records(settings))
            apply_cluster(api, simulated_nodes=foreign is None and not pods)
            if foreign is not None:
                label_nodes(api, settings)
            network.prepare(api, lambda text: spinner.update(f"surroundings of {stack}, {text}"))
            recover(network, api, console.print)
            spinner.stop()
            with EngineProgress(stack, console) as progress:
                result = network.run("up", progress.on_event)
        if pods:
            _wait(api, settings, folder, console)
            if not first_backup(api, settings, MANAGER):
                console.print("the first backup did not succeed: see the logs of its Job", style="yellow")
        show_network(network, api, result, console)


def _wait(api: KubernetesApi, settings: Settings, folder: DataFolder, console: Console) -> None:
    supervisor = folder.supervisor()
    since = supervisor.create_time() if supervisor else 0
    network = settings.network
    around = (CONTROLLERS[settings.stack.ingress.controller].namespace, MONITORING_NAMESPACE)
    with console.status("waiting for the pods") as spinner:
        waiting = wait_until_ready(api, (network.namespace, network.edge_namespace, *around), since, spinner.update)
    if waiting:
        console.print(f"not ready: {', '.join(waiting)}; see kubectl describe pod", style="yellow")


@contextlib.contextmanager
def _explained(stack: str, folder: DataFolder) -> Generator[None]:
    """Turn what can go wrong on the way into the one line that a person can act on."""
    try:
        yield
    except Interrupted as interrupted:
        interrupted.state = "what this command started is stopped; the next `gx local up` goes on from here"
        raise
    except EngineError as error:
        raise InputError(
            file=f"stack {stack}",
            consequence=f"the engine failed: {error}",
            fix="mend what it names and run `gx local up` again",
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
    """Return a cluster of the person's own, if it is marked."""
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
    pods = folder_of(data, "", pods=True)
    folders = [pods] if not context and pods.path.exists() else []
    if not folders or any(path.name != "lock" for path in folder_of(data, context).own()):
        folders.append(folder_of(data, context))
    for folder in folders:
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
            cgroups.remove()
        if delete:
            folder.remove()
    console.print("stopped" if was_running else "nothing ran")
    console.print(f"deleted {folder.path}" if delete else f"the data stays in {folder.path}")


def mark_cluster(context: str, console: Console, *, confirmed: bool) -> None:
    """Write the marker into a cluster of the person's own.

    Raises:
        InputError: It is production, cannot be reached, or refuses.
    """
    api = KubernetesApi.connect(context=context)
    try:
        refuse_production(api)
        uid = api.uid()
        question = f"{api.server} (uid {uid}): may gx create and delete anything there?"
        if not confirmed and not typer.confirm(question):
            console.print("not marked")
            return
        api.apply(marker(uid), manager=MANAGER, force=True)
    except (ApiError, UnreachableError) as error:
        raise InputError(
            file=api.origin, consequence=f"was not marked: {error}", fix="mend the access to that cluster"
        ) from None
    console.print(f"marked {api.server} as local; take it with `gx local up --context {context}`")
