"""Whether this machine can have a node with real pods: one clear line where it cannot, before anything is made."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from pathlib import Path

import psutil

from common.cluster import SERVICE_RANGE
from common.errors import InputError
from devcluster.node import cgroups
from devcluster.node.addresses import HOST_LINK, LOCAL_LINK, POD_SUBNET
from devcluster.node.config import PLUGINS

LEAST_MEMORY = 8 * 2**30
"""The network itself needs less (`make bench`); builds and tests run beside it."""
PROGRAMS = (
    "containerd",
    "containerd-shim-runc-v2",
    "runc",
    "ctr",
    "conntrack",
    "ip",
    "ipset",
    "iptables",
    "mmdebstrap",
    "nft",
    "nsenter",
    "unshare",
    *(f"{PLUGINS}/{plugin}" for plugin in ("bridge", "host-local", "loopback", "portmap")),
)


@dataclass(frozen=True, kw_only=True)
class Host:
    """What counts of a machine.

    Attributes:
        system: As Python names it.
        user: Id of the user who runs the command.
        missing: Programs that are not installed.
        file_systems: What the kernel can mount.
        filters_bridges: Whether packets between pods of one bridge meet packet rules: without it no policy holds.
        memory: Bytes in all.
        routes: Link by range that this machine routes.
        members: Processes that are left in the node's control groups.
    """

    system: str
    user: int
    missing: tuple[str, ...]
    file_systems: frozenset[str]
    filters_bridges: bool
    memory: int
    routes: dict[IPv4Network, str]
    members: tuple[int, ...]


def this_host() -> Host:
    """Return this machine; elsewhere than on Linux little of it is known."""
    linux = sys.platform == "linux"
    listed = Path("/proc/filesystems").read_text(encoding="utf-8").splitlines() if linux else []
    return Host(
        system=sys.platform,
        user=os.geteuid(),
        missing=tuple(program for program in PROGRAMS if shutil.which(program) is None),
        file_systems=frozenset(line.split()[-1] for line in listed),
        filters_bridges=Path("/proc/sys/net/bridge/bridge-nf-call-iptables").exists(),
        memory=psutil.virtual_memory().total,
        routes=_routes() if linux else {},
        members=tuple(cgroups.processes()) if linux else (),
    )


def _routes() -> dict[IPv4Network, str]:
    if shutil.which("ip") is None:
        return {}
    done = subprocess.run(["ip", "-json", "-4", "route"], capture_output=True, text=True, check=True)  # noqa: S607
    found: dict[IPv4Network, str] = {}
    for route in json.loads(done.stdout):
        if route["dst"] != "default":
            network = ip_network(route["dst"])
            assert isinstance(network, IPv4Network)
            found[network] = str(route.get("dev", ""))
    return found


def check(host: Host) -> None:
    """Refuse a machine that cannot have the node.

    Raises:
        InputError: The first reason; nothing was changed.
    """
    for problem in _problems(host):
        raise problem


def _problems(host: Host) -> Iterator[InputError]:
    if host.system != "linux":
        fix = "use a Linux machine, or your own cluster: `gx local mark`, then `gx local up --context NAME`"
        yield _refusal("this machine", f"runs {host.system}: containers need Linux, nothing was changed", fix)
    if host.user != 0:
        fix = "sudo .venv/bin/gx local up --pods; without --pods no root is needed"
        yield _refusal("this user", "is not root: namespaces, mounts and a network of its own need it", fix)
    if host.missing:
        names = ", ".join(host.missing)
        yield _refusal(names, "not installed, nothing was changed", "run `make tools` (Debian), or install them")
    yield from _kernel(host)
    if host.memory < LEAST_MEMORY:
        has = f"{host.memory / 2**30:.1f} GiB"
        why = f"has {has} of memory, {LEAST_MEMORY // 2**30} GiB are needed: pods would be killed at random"
        yield _refusal("this machine", why, "use a larger one, or run without --pods")
    for wanted in (LOCAL_LINK, POD_SUBNET, SERVICE_RANGE):
        for network, link in host.routes.items():
            if network.overlaps(IPv4Network(wanted)) and network.prefixlen > 0:
                yield _taken(wanted, network, link)
    if host.members:
        ids = ", ".join(map(str, host.members[:5]))
        why = f"holds processes of an earlier node ({ids}), nothing was changed"
        yield _refusal(str(cgroups.ROOT / cgroups.NAME), why, "end them by their id, or restart the machine")


def _kernel(host: Host) -> Iterator[InputError]:
    if "overlay" not in host.file_systems:
        why = "has no overlayfs: a container's root cannot be put together, nothing was changed"
        yield _refusal("this kernel", why, "modprobe overlay, or use a kernel that has it")
    if not host.filters_bridges:
        why = "has no br_netfilter: NetworkPolicies would not be enforced, nothing was changed"
        yield _refusal("this kernel", why, "modprobe br_netfilter, or use a kernel that has it")


def _taken(wanted: str, network: IPv4Network, link: str) -> InputError:
    if link == HOST_LINK:
        why = "another node of `gx local up --pods` runs on this machine, from another data folder"
        return _refusal(HOST_LINK, why, "`gx local down` with its --data")
    why = f"{network} leads to {link}, and the node needs {wanted}: another cluster or network is on this machine"
    return _refusal("ip route", why, "stop it first, or use another machine")


def _refusal(what: str, consequence: str, fix: str) -> InputError:
    return InputError(file=what, consequence=consequence, fix=fix)
