"""The configuration of the proxy on the nodes' ports 80 and 443: plain text, nothing is registered here."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.cluster import SILENCE_SECONDS

HTTP_PORT, HTTPS_PORT, STATUS_PORT = 8080, 8443, 8404  # a plain user binds no port below 1024
FOLDER = "/etc/gx-edge"
CONFIG, SOURCES, SCRIPT = "haproxy.cfg", "sources.lst", "run.sh"


@dataclass(frozen=True, kw_only=True)
class EdgeConfig:
    """What the proxy needs to know.

    Attributes:
        host: DNS name of the ingress controller's Service; its address stays while pods move.
        ports: The Service's ports for plain HTTP and for TLS.
        address: The Service's address, for a start while DNS is down; empty where it is not known.
        sources: Who may connect, as address ranges.
        proxy_protocol: Whether the client's address is sent ahead of every connection.
        connections: How many sockets it holds at once.
        per_source: How many of them one source address may have.
        listen: The ports on which it takes connections: plain HTTP, TLS, status.
        folder: Where its files lie.
        resolver: "address:port" of the DNS server; empty for what the pod's resolv.conf names.
    """

    host: str
    sources: Sequence[str]
    connections: int
    per_source: int
    ports: tuple[int, int] = (80, 443)
    address: str = ""
    proxy_protocol: bool = False
    listen: tuple[int, int, int] = (HTTP_PORT, HTTPS_PORT, STATUS_PORT)
    folder: str = FOLDER
    resolver: str = ""

    def sources_file(self) -> str:
        """Return the list of who may connect, one range a line."""
        return "\n".join(self.sources) + "\n"

    def text(self) -> str:
        """Return HAProxy's configuration."""
        http, https, status = self.listen
        lines = [
            *self._global(),
            "",
            "resolvers cluster",
            f"    nameserver dns {self.resolver}" if self.resolver else "    parse-resolv-conf",
            *_HOLD.splitlines(),
            "",
            "backend per-source",
            "    stick-table type ip size 100k expire 1h store conn_cur",
        ]
        for name, port, target in (("http", http, self.ports[0]), ("https", https, self.ports[1])):
            lines += ["", *self._frontend(name, port), "", *self._backend(name, target)]
        lines += ["", *_STATUS.format(status=status).splitlines()]
        return "\n".join(lines) + "\n"

    def _global(self) -> list[str]:
        descriptors = 2 * self.connections + 100
        return _GLOBAL.format(descriptors=descriptors, silence=SILENCE_SECONDS).splitlines()

    def _frontend(self, name: str, port: int) -> list[str]:
        return [
            f"frontend {name}",
            f"    bind :{port}",
            f"    tcp-request connection reject unless {{ src -f {self.folder}/{SOURCES} }}",
            "    tcp-request connection track-sc0 src table per-source",
            f"    tcp-request connection reject if {{ sc0_conn_cur gt {self.per_source} }}",
            # After a reload the controller's address is asked for again: who comes in that moment waits for it.
            "    tcp-request inspect-delay 3s",
            f"    tcp-request content accept if {{ nbsrv({name}) ge 1 }}",
            "    tcp-request content accept if WAIT_END",
            f"    default_backend {name}",
        ]

    def _backend(self, name: str, port: int) -> list[str]:
        first = f"{self.address},none" if self.address else "none"
        proxy = " send-proxy-v2 check-send-proxy" if self.proxy_protocol else ""
        address = f"resolvers cluster resolve-prefer ipv4 init-addr {first}"
        return [
            f"backend {name}",
            f"    server controller {self.host}:{port} check inter 2s fall 3 rise 1 {address}{proxy}",
        ]


_GLOBAL = """\
global
    log stdout format raw daemon notice
    # Two descriptors a connection; a node that allows fewer gets fewer connections instead of no proxy.
    fd-hard-limit {descriptors}
    # After a reload the old worker keeps its connections this long.
    hard-stop-after {silence}s

defaults
    mode tcp
    log global
    option dontlognull
    # A client that says nothing is let go; once both sides have spoken, only the tunnel's silence counts.
    timeout client 60s
    timeout server 60s
    timeout client-fin 30s
    timeout server-fin 30s
    timeout tunnel {silence}s
    # The Service's address stays while the controller's pods move: try again instead of giving up.
    timeout connect 3s
    retries 3"""

_HOLD = """\
    resolve_retries 3
    timeout resolve 1s
    timeout retry 1s
    hold valid 10s
    # The last known address outlives an outage of DNS; 20 days is about the longest time that HAProxy can count.
    hold timeout 20d
    hold refused 20d
    hold other 20d
    hold nx 20d"""

_STATUS = """\
frontend status
    mode http
    bind :{status}
    timeout http-request 5s
    acl controller_up nbsrv(https) ge 1
    http-request use-service prometheus-exporter if {{ path /metrics }}
    http-request return status 200 content-type text/plain string "alive" if {{ path /livez }}
    http-request return status 200 content-type text/plain string "ready" if {{ path /readyz }} controller_up
    http-request return status 503 content-type text/plain string "no controller" if {{ path /readyz }}
    http-request deny deny_status 404"""
