"""The clusters that networks run on: addresses, ports and foreign components that policies name."""

from dataclasses import dataclass

from common.naming import INGRESS_NAMESPACE

CLUSTER_SCOPE = ""

INGRESS_CLASS = "nginx"

ACME_SOLVER_LABEL = {"acme.cert-manager.io/http01-solver": "true"}

ACME_SOLVER_PORT = 8089

FABRIC_PORTS = (7050, 7051, 7053, 7054)  # orderer, peer, events, CA

API_SERVER_PORT = 6443  # where k3s serves behind the Service `kubernetes`

API_SERVER_SERVICE = "10.43.0.1/32"  # the first address of the Service range is always that Service's

POD_RANGE = "10.42.0.0/16"  # production.md#cluster-and-networks

SERVICE_RANGE = "10.43.0.0/16"  # production.md#cluster-and-networks

LOAD_BALANCER_ADDRESS = "217.196.51.190"  # MetalLB's, on the shared node (production.md#dns-and-edge)

METADATA_ADDRESS = "169.254.169.254/32"  # where clouds hand out a machine's credentials


@dataclass(frozen=True, kw_only=True)
class Controller:
    """An ingress controller: foreign, so only where it is and what it listens on.

    Attributes:
        namespace: Its namespace.
        service: The Service whose address stays while its pods move.
        pod_ports: Ports of its pods, for plain HTTP and for TLS: a policy is evaluated on these.
    """

    namespace: str
    service: str
    pod_ports: tuple[int, int]


INGRESS_CONTROLLERS = {
    "nginx": Controller(namespace=INGRESS_NAMESPACE, service="ingress-nginx-controller", pod_ports=(80, 443)),
    "traefik": Controller(namespace="traefik", service="traefik", pod_ports=(8000, 8443)),
}
"""By the setting `ingress.controller`. Traefik is not installed yet: the names are those that it must get."""

UNLISTED = "unlisted"
"""Pods of the namespace that are neither ours nor known by label: backup Jobs and what nobody noted."""

MONITORING = "monitoring"

INGRESS = "ingress"

OUTSIDE = "outside"

SILENCE_SECONDS = 3625
"""How long a connection may be silent: an hour above Socket.IO's 25 s between pings (production.md#svc-messaging)."""

INGRESS_PREFIX = "nginx.ingress.kubernetes.io/"
"""Of the annotations by which an Ingress asks something of its controller."""
