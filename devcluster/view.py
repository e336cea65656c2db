"""What a user sees of a local cluster: the engine's progress, and what to look at next."""

import shlex
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from common.objects import mapping
from devcluster.engine import EngineResult, Event
from devcluster.folder import DataFolder, clusters_below
from devcluster.network import LocalNetwork
from gx.cluster.kubernetes_api import ApiError, KubernetesApi, UnreachableError
from gx.cluster.readiness import pod_ready
from settings.offline import offline_settings
from settings.project import PROJECT, networks

USUAL_RESOURCES = 120
_LOOKED_AT_FIRST = ("endpoints", "namespace", "storage")
STACK_TYPE = "pulumi:pulumi:Stack"


class EngineProgress:
    """Shows engine events as they come: a bar on a terminal, one line per component elsewhere."""

    def __init__(self, stack: str, console: Console) -> None:
        self._console = console
        self._open: dict[str, float] = {}
        self._done = 0
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, TimeElapsedColumn(), console=console, transient=True)
        self._task = self._bar.add_task(f"engine: {stack}", total=USUAL_RESOURCES)
        self._stack = stack

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        else:
            self._console.print(f"the engine works on {self._stack} ...")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def on_event(self, event: Event) -> None:
        """Take one engine event."""
        urn = str(event.get("urn", ""))
        if not urn or event.get("type") == STACK_TYPE:
            return
        name = f"{event['type'].rsplit(':', 1)[-1]} {urn.rsplit('::', 1)[-1]}"
        if event["kind"] == "resource_pre_event":
            self._open[name] = time.monotonic()
        else:
            self._open.pop(name, None)
            self._done += 1
            if event["kind"] == "res_op_failed_event":
                self._console.print(f"failed: {name}", style="red")
        waiting = f": {next(iter(self._open))}" if self._open else ""
        total = max(USUAL_RESOURCES, self._done)
        self._bar.update(self._task, completed=self._done, total=total, description=f"engine: {self._stack}{waiting}")


def show_network(network: LocalNetwork, api: KubernetesApi, result: EngineResult, console: Console) -> None:
    """Show what the engine did, the objects by component, pods, outputs, and how to go on."""
    done = ", ".join(f"{count} {what}" for what, count in sorted(result.changes.items()))
    console.print(f"{network.stack}: {done}")
    table = Table(box=None, pad_edge=False)
    table.add_column("component")
    table.add_column("objects", justify="right")
    table.add_column("kinds")
    for component, kinds in sorted(_by_component(network.resources()).items()):
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        table.add_row(component, str(sum(kinds.values())), listed)
    console.print(table)
    console.print(_pods(api, network.settings.network.namespace))
    outputs = list(_flat(network.outputs()))
    shown = [(name, value) for name, value in outputs if name.startswith(_LOOKED_AT_FIRST)]
    for name, value in shown:
        console.print(f"output {name}: {value}")
    console.print(f"and {len(outputs) - len(shown)} more outputs: pulumi stack output")
    if network.folder.pods:
        _show_pods(network, console)
    console.print(f"look around:  export KUBECONFIG={shlex.quote(str(network.environment()['KUBECONFIG']))}")
    _show_pulumi(network, console)


def _flat(outputs: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield outputs by dotted name."""
    for name, value in sorted(outputs.items()):
        if isinstance(value, Mapping):
            yield from _flat(cast("Mapping[str, Any]", value), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _show_pods(network: LocalNetwork, console: Console) -> None:
    """Print how a user proves and sees a network whose pods run."""
    host, authority = network.settings.network.api_host, shlex.quote(str(network.folder.pki / "web-ca.crt"))
    node, tool = network.settings.stack.nodes[0].address, network.folder.docker
    context = f"{tool}-gx-local" if tool else "gx-local"
    dns = f"127.0.0.1:{network.folder.ports()['dns']}" if tool else f"{node}:53"
    reach = f"--connect-to {host}:443:{node}:443 --cacert {authority} --dns {dns}"
    kubeconfig = shlex.quote(str(network.kubeconfig))
    console.print(f"prove it:     cd {shlex.quote(str(network.project))} && export KUBECONFIG={kubeconfig}")
    console.print(f"              gx verify {network.stack} --context {context} {reach}")
    console.print(f"in a browser: `{node} {host}` in /etc/hosts, the authority is {authority}")


def _show_pulumi(network: LocalNetwork, console: Console) -> None:
    """Print how the person's own `pulumi` works on the same stack."""
    wanted = ("PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "CLOUDFLARE_BASE_URL")
    environment = network.environment()
    settings = " ".join(f"{key}={shlex.quote(environment[key])}" for key in wanted)
    console.print(f"use pulumi:   cd {shlex.quote(str(network.project))} && export {settings}")
    console.print(f"              export PATH={shlex.quote(_added_path(environment['PATH']))}:$PATH")
    console.print(f"              pulumi stack -s {network.stack}")


def _added_path(path: str) -> str:
    return ":".join(path.split(":")[:2])


def _by_component(resources: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    """Count the custom resources below each component, by the component's place in the urn."""
    found: dict[str, Counter[str]] = {}
    for resource in resources:
        if not resource.get("custom") or resource["type"].startswith("pulumi:") or resource.get("external"):
            continue
        chain = str(resource["urn"]).split("::")[2].split("$")
        component = next((link.rsplit(":", 1)[-1] for link in chain if link.startswith("gx:")), PROJECT)
        found.setdefault(component, Counter())[chain[-1].rsplit(":", 1)[-1]] += 1
    return found


def _pods(api: KubernetesApi, namespace: str) -> str:
    pods = list(api.list_objects("v1", "Pod", namespace))
    ready = sum(map(pod_ready, pods))
    ended = sum(mapping(pod, "status").get("phase") == "Succeeded" for pod in pods)
    return f"pods in {namespace}: {ready} ready, {ended} completed, {len(pods) - ready - ended} waiting"


def show_status(root: Path, data: Path, context: str, console: Console) -> bool:
    """Show what runs, the cluster with real pods too; return whether one does."""
    shown = [_show_cluster(root, folder, context, console) for folder in clusters_below(data, context)]
    return any(shown)


def _show_cluster(root: Path, folder: DataFolder, context: str, console: Console) -> bool:
    if not folder.path.exists():
        console.print(f"no cluster: there is no {folder.path}; start one with `gx local up`")
        return False
    folder.check_version()
    supervisor = folder.supervisor()
    if supervisor is None:
        console.print(f"stopped; its data is in {folder.path}; start it with `gx local up`")
        return False
    children = ", ".join(f"{child.name()} ({child.pid})" for child in supervisor.children())
    console.print(f"running: supervisor ({supervisor.pid}), {children}")
    api = KubernetesApi.connect(None if context else folder.kubeconfig, context)
    try:
        nodes = [node["metadata"]["name"] for node in api.list_objects("v1", "Node")]
        console.print(f"API server {api.server}, nodes {', '.join(nodes)}")
        _show_stacks(root, folder, api, console)
    except (ApiError, UnreachableError) as error:
        console.print(f"the API server does not answer: {error}")
        return False
    return True


def _show_stacks(root: Path, folder: DataFolder, api: KubernetesApi, console: Console) -> None:
    for stack in networks(root):
        settings = offline_settings(stack, root, adopting=False)
        network = LocalNetwork(folder=folder, settings=settings, root=root, kubeconfig=folder.kubeconfig)
        resources = network.resources()
        if resources:
            console.print(f"{stack}: {len(resources)} resources; {_pods(api, settings.network.namespace)}")
