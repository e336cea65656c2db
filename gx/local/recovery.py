"""What an engine leaves behind that was killed in the middle: a lock, and operations whose end nobody noted.

The same steps for a real network are in docs/runbooks/engine-killed.md.
"""

import json
import subprocess
from collections.abc import Callable
from typing import Any, cast

import psutil

from gx.errors import InputError
from gx.local.binaries import find
from gx.local.network import LocalNetwork


def recover(network: LocalNetwork, report: Callable[[str], None]) -> None:
    """Remove the lock of a dead engine, and find out what became of the operations that it had begun.

    Raises:
        InputError: An engine is at work on the stack, or the state cannot be mended.
    """
    for lock in sorted(network.locks.glob("*.json")):
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
    pending = network.pending()
    if pending:
        report(f"asking the cluster what became of {len(pending)} operations that were cut off")
        _refresh(network, pending)


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).name().startswith("pulumi")
    except psutil.NoSuchProcess:
        return False


def _refresh(network: LocalNetwork, pending: list[dict[str, Any]]) -> None:
    """Refresh with the ids of what was being created: what exists is taken in, the rest is forgotten."""
    command = [str(find("pulumi")), "refresh", "--yes", "--skip-preview", "--non-interactive", "-s", network.stack]
    for operation in pending:
        resource = cast("dict[str, Any]", operation["resource"])
        metadata = (resource.get("inputs") or {}).get("metadata")
        if operation["type"] == "creating" and metadata:
            namespace = metadata.get("namespace")
            identifier = f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])
            command += ["--import-pending-creates", resource["urn"], "--import-pending-creates", identifier]
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
            fix="follow docs/runbooks/engine-killed.md, or `gx local down --delete` and begin anew",
        )
