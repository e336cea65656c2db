"""What lies outside the cluster: hosts of the internet, Cloudflare, a cloud's metadata service.

They are addresses in a network namespace beside the node, which routes to them. No packet leaves this machine.
"""

import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from rules.reachability.endpoint import Endpoint

_LINK = "gx-outside"
_NODE_END, _FAR_END = "192.0.2.1", "192.0.2.2"  # reserved for documentation
NOT_TRIED = ("api-server", "nodes")
"""Both are this machine's one node: no policy stops what it sends, and its ports lead to pods and to the API server."""


def address_of(endpoint: Endpoint) -> str:
    """Return the address that is tried of a place: its first host."""
    first = endpoint.ranges[0]
    return str(next(iter(first.hosts())))


@contextmanager
def outside(node: int, endpoints: Iterable[Endpoint]) -> Generator[int]:
    """Lay a network beside the node's that has the addresses of places; return a process in it.

    Args:
        node: A process in the node's own network.
        endpoints: The places.
    """
    addresses = [address_of(endpoint) for endpoint in endpoints]
    with subprocess.Popen(["unshare", "--net", "sh", "-c", "echo there; exec sleep infinity"], stdout=-1) as far:
        try:
            assert far.stdout is not None
            assert far.stdout.readline() == b"there\n"
            _ip(node, "link", "add", _LINK, "type", "veth", "peer", "name", _LINK, "netns", str(far.pid))
            _ip(node, "address", "add", f"{_NODE_END}/30", "dev", _LINK)
            _ip(node, "link", "set", _LINK, "up")
            _ip(far.pid, "link", "set", "lo", "up")
            _ip(far.pid, "address", "add", f"{_FAR_END}/30", "dev", _LINK)
            _ip(far.pid, "link", "set", _LINK, "up")
            _ip(far.pid, "route", "add", "default", "via", _NODE_END)
            for address in addresses:
                _ip(far.pid, "address", "add", f"{address}/32", "dev", "lo")
                _ip(node, "route", "add", f"{address}/32", "via", _FAR_END)
            yield far.pid
        finally:
            far.kill()  # the link and the routes go with its network


def _ip(process: int, *words: str) -> None:
    subprocess.run(["nsenter", f"--net=/proc/{process}/ns/net", "ip", *words], check=True)
