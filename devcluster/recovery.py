"""What an engine leaves behind that was killed in the middle: a lock, and operations whose end nobody noted.

The same steps for a real network are in docs/runbooks/engine-killed.md.
"""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import psutil

from common.errors import InputError
from common.labels import FIELD_MANAGER, MANAGED_BY, NETWORK
from common.objects import identifier, mapping
from devcluster.binaries import find
from devcluster.network import LocalNetwork
from gx.cluster.kinds import NAMESPACED
from gx.cluster.kubernetes_api import KubernetesApi


def recover(network: LocalNetwork, api: KubernetesApi, report: Callable[[str], None]) -> None:
    """Remove the lock of a dead engine, and clear up what it had begun without noting it.

    Raises:
        InputError: An engine is at work on the stack, or the state cannot be fixed.
    """
    cut_off = _remove_locks(network, report)
    for sidecar in network.state_file.parent.glob(f"{network.stack}.json*.attrs"):
        sidecar.unlink()  # attributes that nobody needs; cut off in the middle, one makes a whole state unreadable
    pending = network.pending()
    if pending:
        report(f"asking the cluster what became of {len(pending)} operations that were cut off")
        _refresh(network, pending)
    if cut_off or pending or network.unfinished.exists():
        _delete_strays(network, api, report)


def _remove_locks(network: LocalNetwork, report: Callable[[str], None]) -> bool:
    locks = sorted(network.locks.glob("*.json"))
    for lock in locks:
        holder = json.loads(lock.read_text(encoding="utf-8"))
        if _alive(int(holder["pid"])):
            raise InputError(
                file=str(lock),
                consequence=f"process {holder['pid']} of {holder['username']} works on {network.stack} since "
                f"{holder['timestamp']}; nothing was changed",
                fix="wait until it has ended",
            )
        report(f"removing the lock that process {holder['pid']} left behind")
        lock.unlink()
    return bool(locks)


def _delete_strays(network: LocalNetwork, api: KubernetesApi, report: Callable[[str], None]) -> None:
    """Delete objects of the program that the state does not know: the engine died before it could note them.

    Only on a local cluster. On a real one they are imported, as the runbook says.
    """
    known = {str(resource.get("id", "")) + resource["type"].rsplit(":", 1)[-1] for resource in network.resources()}
    selector = f"{MANAGED_BY}={FIELD_MANAGER},{NETWORK}={network.stack}"
    for api_version, kind in NAMESPACED:
        for live in api.list_objects(api_version, kind, labels=selector):
            metadata = live["metadata"]
            name = identifier(metadata)
            if not metadata.get("ownerReferences") and f"{name}{kind}" not in known:
                report(f"deleting {kind} {name}: the state does not know it")
                api.delete(api_version, kind, metadata["namespace"], metadata["name"], propagation="Background")


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).name().startswith("pulumi")
    except psutil.NoSuchProcess:
        return False


def _refresh(network: LocalNetwork, pending: list[dict[str, Any]]) -> None:
    """Refresh with the ids of what was being created: what exists is taken in, the rest is forgotten."""
    command = [str(find("pulumi")), "refresh", "--yes", "--skip-preview", "--non-interactive", "-s", network.stack]
    for operation in pending:
        resource = mapping(operation, "resource")
        metadata = mapping(resource, "inputs", "metadata")
        if operation["type"] == "creating" and metadata:
            command += ["--import-pending-creates", resource["urn"], "--import-pending-creates", identifier(metadata)]
    command.append("--clear-pending-creates")
    done = subprocess.run(  # noqa: S603 the pinned CLI
        command,
        cwd=network.project,
        env=network.environment(),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if "error" in line]
        raise InputError(
            file=str(network.state_file),
            consequence=f"operations that were cut off could not be cleared up: {' | '.join(lines[-2:])}",
            fix="follow docs/runbooks/engine-killed.md, or `gx local down --delete` and start again",
        )
