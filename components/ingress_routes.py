"""IngressRoutes: the public hosts and every path on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s

from components.base import GxArgs, GxComponent
from gx.catalogue import CATALOGUE
from gx.catalogue.model import Route, Workload
from gx.catalogue.ports import http_service_port
from gx.labels import SKIP_AWAIT, PartOf
from gx.neighbours import INGRESS_CLASS
from gx.steps import Step

NGINX = "nginx.ingress.kubernetes.io"
API_INGRESS = "gx-backend-ingress"
WALLET_INGRESS = "gx-wallet-ingress"
UPLOAD_LIMIT = "50m"  # the largest file that svc-messaging takes, production.md 3
TIMEOUT_SECONDS = "300"  # as live; Socket.IO pings every 25 s, so an open socket is never silent that long
HEADERS = "Authorization, Content-Type, X-Idempotency-Key"
METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"


def _routes(pick: str) -> list[tuple[Workload, Route]]:
    return [(workload, route) for workload in CATALOGUE.values() for route in getattr(workload, pick)]


@dataclass(frozen=True, kw_only=True)
class IngressRoutesArgs(GxArgs):
    """What every component needs is all that it takes."""


class IngressRoutes(GxComponent):
    """One Ingress for the API host and one for the wallet host, adopted by host and path.

    Token: gx:traffic:IngressRoutes. Backends come from the table of ports, so a port that is named here exists in
    the Service. Annotations that production carries without effect (they are keys of the controller's own
    ConfigMap) are left out. Does not install a controller, an issuer or an IngressClass.
    """

    TOKEN: ClassVar[str] = "gx:traffic:IngressRoutes"

    def __init__(self, name: str, args: IngressRoutesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        site = args.site
        network, ingress = site.settings.network, site.settings.stack.ingress
        self._ingress(
            API_INGRESS,
            network.api_host,
            ingress.api_tls_secret,
            _routes("api_routes"),
            {**self._issuer(), **self._api_annotations()},
        )
        # On one shared host the API's Ingress orders the certificate; a second order for it would be refused.
        issuer = {} if network.wallet_host == network.api_host else self._issuer()
        self._ingress(WALLET_INGRESS, network.wallet_host, ingress.wallet_tls_secret, _routes("wallet_routes"), issuer)
        self.register_outputs({"hosts": sorted({network.api_host, network.wallet_host})})

    def _ingress(
        self,
        name: str,
        host: str,
        tls_secret: str,
        routes: list[tuple[Workload, Route]],
        annotations: Mapping[str, str],
    ) -> None:
        settings = self.site.settings
        redirect = "true" if settings.stack.ingress.https_redirect else "false"
        k8s.networking.v1.Ingress(
            name,
            metadata=self.site.metadata(
                name,
                PartOf.TRAFFIC,
                annotations={
                    SKIP_AWAIT: "true",  # not every controller publishes an address
                    f"{NGINX}/ssl-redirect": redirect,
                    f"{NGINX}/force-ssl-redirect": redirect,
                    f"{NGINX}/proxy-connect-timeout": TIMEOUT_SECONDS,
                    f"{NGINX}/proxy-read-timeout": TIMEOUT_SECONDS,
                    f"{NGINX}/proxy-send-timeout": TIMEOUT_SECONDS,
                    f"{NGINX}/proxy-http-version": "1.1",
                    **annotations,
                },
            ),
            spec={
                "ingress_class_name": INGRESS_CLASS,
                "tls": [{"hosts": [host], "secret_name": tls_secret}],
                "rules": [
                    {
                        "host": host,
                        "http": {
                            "paths": [
                                {
                                    "path": route.path,
                                    "path_type": "Exact" if route.exact else "Prefix",
                                    "backend": {
                                        "service": {
                                            "name": workload.service,
                                            "port": {"number": http_service_port(settings, workload.name)},
                                        }
                                    },
                                }
                                for workload, route in routes
                            ]
                        },
                    }
                ],
            },
            opts=self.child("Ingress", name),
        )

    def _issuer(self) -> dict[str, str]:
        return {"cert-manager.io/cluster-issuer": self.site.settings.stack.ingress.issuer}

    def _api_annotations(self) -> dict[str, str]:
        real = self.site.settings.has(Step.REAL_CLIENT_ADDRESS)
        return {
            f"{NGINX}/enable-cors": "true",
            f"{NGINX}/cors-allow-origin": ", ".join(self.site.settings.stack.ingress.cors_origins),
            f"{NGINX}/cors-allow-methods": METHODS,
            f"{NGINX}/cors-allow-headers": HEADERS,
            f"{NGINX}/proxy-body-size": UPLOAD_LIMIT,
            # Socket.IO over polling must meet the same replica again.
            f"{NGINX}/upstream-hash-by": "$http_cf_connecting_ip" if real else "$remote_addr",
            f"{NGINX}/limit-rps": "100",
            f"{NGINX}/limit-burst-multiplier": "5",
        }
