"""How an ingress controller must be configured for this network: it is foreign, so this is printed, not applied.

The traffic tests run a real Traefik with exactly these files.
"""

from typing import Any

from common.cluster import INGRESS_CONTROLLERS, POD_RANGE, SILENCE_SECONDS
from settings.edge import allowed_sources
from settings.settings import Settings

CLIENT_ADDRESS = "CF-Connecting-IP"
UPLOAD_SECONDS = 300
"""As long as production lets an upload take (production.md#ingress)."""


def trusted_peers(settings: Settings) -> list[str]:
    """Return whose word about a client's address counts: who may connect to the edge, and the edge's own pods."""
    return [*allowed_sources(settings), POD_RANGE]


def nginx_config_map(settings: Settings) -> dict[str, str]:
    """Return the keys of ingress-nginx's ConfigMap: as annotations, production carries them without effect."""
    return {
        "use-forwarded-headers": "true",
        "forwarded-for-header": CLIENT_ADDRESS,
        "proxy-real-ip-cidr": ",".join(trusted_peers(settings)),
        "use-proxy-protocol": "true" if settings.stack.edge.proxy_protocol else "false",
        "worker-shutdown-timeout": f"{SILENCE_SECONDS}s",  # a reload must not cut a WebSocket
    }


def traefik_static(settings: Settings, *, listen: tuple[str, str], dynamic_file: str) -> dict[str, Any]:
    """Return Traefik's static configuration.

    Args:
        settings: The settings of the network.
        listen: Addresses for plain HTTP and TLS, as "host:port".
        dynamic_file: Where the file of `traefik_dynamic` lies.
    """
    peers = trusted_peers(settings)
    entry: dict[str, Any] = {
        "forwardedHeaders": {"trustedIPs": peers},
        "transport": {"respondingTimeouts": {"readTimeout": f"{UPLOAD_SECONDS}s", "idleTimeout": "180s"}},
        "http": {"middlewares": ["known-peers@file", "per-client@file"]},
    }
    if settings.stack.edge.proxy_protocol:
        entry["proxyProtocol"] = {"trustedIPs": peers}
    return {
        "entryPoints": {
            name: {"address": address, **entry} for name, address in zip(("web", "websecure"), listen, strict=True)
        },
        "providers": {"kubernetesIngressNGINX": {}, "file": {"filename": dynamic_file}},
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
    }


def traefik_dynamic(settings: Settings) -> dict[str, Any]:
    """Return Traefik's dynamic file: nobody but the edge gets in, and one client cannot take everything.

    A peer that is not known could claim any client's address, so it is refused instead of being believed.
    """
    return {
        "http": {
            "middlewares": {
                "known-peers": {"ipAllowList": {"sourceRange": trusted_peers(settings)}},
                "per-client": {
                    "rateLimit": {
                        "average": 100,
                        "burst": 500,
                        "sourceCriterion": {"requestHeaderName": CLIENT_ADDRESS},
                    }
                },
            }
        }
    }


def wanted_setup(settings: Settings) -> dict[str, Any]:
    """Return, by file or object, what the network's controller needs."""
    controller = settings.stack.ingress.controller
    namespace = INGRESS_CONTROLLERS[controller].namespace
    if controller == "nginx":
        return {f"ConfigMap {namespace}/{INGRESS_CONTROLLERS[controller].service}": nginx_config_map(settings)}
    ports = INGRESS_CONTROLLERS[controller].pod_ports
    dynamic = "/etc/traefik/dynamic.yaml"
    return {
        "traefik.yaml": traefik_static(settings, listen=(f":{ports[0]}", f":{ports[1]}"), dynamic_file=dynamic),
        dynamic: traefik_dynamic(settings),
    }
