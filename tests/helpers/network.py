"""A network namespace for one test module: addresses of production can be used in it, and no packet leaves it."""

import contextlib
import ctypes
import os
import socket
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

_NEW_NETWORK = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def own_network() -> Generator[None]:
    """Move this process into an empty network namespace with a loopback interface, and back again.

    Threads and processes that are started inside belong to it. It ends with the last of them.
    """
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    if _libc.unshare(_NEW_NETWORK) != 0:
        os.close(before)
        reason = f"needs a network namespace of its own: run as root ({os.strerror(ctypes.get_errno())})"
        if os.environ.get("CI"):
            pytest.fail(f"in CI no tier may be missing: {reason}")
        pytest.skip(reason)
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        yield
    finally:
        if _libc.setns(before, 0) != 0:
            raise OSError(ctypes.get_errno(), "cannot leave the network namespace")
        os.close(before)


def add_address(address: str) -> None:
    """Give this namespace an address; nothing happens when it has it."""
    subprocess.run(["ip", "address", "replace", f"{address}/32", "dev", "lo"], check=True)


def remove_address(address: str) -> None:
    """Take an address away again."""
    subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=True)


def outside_is_unreachable() -> bool:
    """Return whether this namespace has no route to anywhere."""
    return Path("/proc/thread-self/net/route").read_text().count("\n") <= 1
