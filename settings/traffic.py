"""Settings of traffic: public hosts, their DNS records, the nodes that answer and the proxy on them."""

from ipaddress import IPv4Address
from typing import Literal

from pydantic import Field

from settings.fields import AddressRange, DnsLabel, Model, NodeAddress, Ranges, ResourcePair, Resources, ZoneId


class Node(Model):
    """A node that answers for the network's public hosts."""

    id: DnsLabel
    address: NodeAddress


class Ingress(Model):
    """Public hosts and TLS (production.md#ingress)."""

    controller: Literal["nginx", "traefik"] = Field(
        default="nginx", description="Who serves the routes: ingress-nginx as found, or Traefik, its successor."
    )
    qsend_route: bool = Field(
        default=False, description="Whether /api/v1/qsend is public. It needs an outbox-submitter that can pay."
    )
    issuer: DnsLabel
    https_redirect: bool
    api_tls_secret: DnsLabel
    wallet_tls_secret: DnsLabel
    cors_origins: tuple[str, ...] = Field(min_length=1)


class Cloudflare(Model):
    """The DNS zone's own settings."""

    zone_id: ZoneId | None = Field(default=None, description="Needed before the first `pulumi up`.")
    ssl_mode: Literal["off", "flexible", "full", "strict"] = Field(
        description="SSL mode of the zone; the redirect to HTTPS needs full or strict, or it loops."
    )


class Dns(Model):
    """Which nodes answer for which public host, by node id."""

    wallet: tuple[DnsLabel, ...] = Field(min_length=1)
    api: tuple[DnsLabel, ...] = Field(min_length=1)
    accepted_removal: str | None = Field(
        default=None, min_length=10, description="Why more than 30 % of the records may be withdrawn at once."
    )


class Edge(Model):
    """The proxy on the nodes' ports 80 and 443 (takeover.md 17): production alone has one."""

    enabled: bool = False
    active_nodes: tuple[DnsLabel, ...] | None = Field(
        default=None, min_length=1, description="Ids of the nodes in DNS; a node that is left out is drained."
    )
    ranges: Ranges = Field(default=None, description="Who may connect instead of Cloudflare's published ranges.")
    allow_from: tuple[AddressRange, ...] = Field(
        default=(), description="Further sources, such as the machine that verifies a node from outside."
    )
    controller_address: IPv4Address | None = Field(
        default=None,
        description="ClusterIP of the ingress controller's Service, for a start while DNS is down.",
    )
    proxy_protocol: bool = Field(
        default=False, description="Send the client's address ahead; the controller must expect it on every connection."
    )
    max_connections: int = Field(default=20_000, ge=100, description="Sockets that one node holds at once.")
    max_connections_per_source: int = Field(
        default=4_000, ge=1, description="Sockets of one source address; Cloudflare's addresses bundle many users."
    )
    resources: Resources = Field(
        default=Resources(
            requests=ResourcePair(cpu="100m", memory="128Mi"), limits=ResourcePair(cpu="1", memory="512Mi")
        ),
        description="Of one proxy; ten thousand sockets took 42 MiB in `make soak`.",
    )
