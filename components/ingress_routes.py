"""IngressRoutes: the public hosts and every path on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s

from components.base import GxArgs, GxComponent
from gx.catalogue.model import Route, Workload
from gx.catalogue.ports import http_service_port
from gx.catalogue.routes import api_routes, wallet_routes
from gx.edge import SILENCE_SECONDS
from gx.ingress import (
    TIMEOUT_SECONDS,
    api_annotations,
    common_annotations,
    cookie_annotations,
    path_type,
    upstream_annotations,
)
from gx.labels import SKIP_AWAIT, PartOf
from gx.neighbours import INGRESS_CLASS
from gx.steps import Step

API_INGRESS = "gx-backend-ingress"
WALLET_INGRESS = "gx-wallet-ingress"
SOCKET_INGRESS = "gx-socket-ingress"


@dataclass(frozen=True, kw_only=True)
class IngressRoutesArgs(GxArgs):
    """What every component needs is all that it takes."""


class IngressRoutes(GxComponent):
    """One Ingress for the API host and one for the wallet host, adopted by host and path.

    Under Traefik the paths that need the same replica again have a third one: its cookie must not be set by others.

    Token: gx:traffic:IngressRoutes. Backends come from the table of ports, so a port that is named here exists in
    the Service. Only what the chosen controller honours is asked of it; what production carries without effect (keys
    of the controller's own ConfigMap) is left out. Does not install a controller, an issuer or an IngressClass.
    """

    TOKEN: ClassVar[str] = "gx:traffic:IngressRoutes"

    def __init__(self, name: str, args: IngressRoutesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        site = args.site
        network, ingress = site.settings.network, site.settings.stack.ingress
        self._silence = SILENCE_SECONDS if site.settings.has(Step.LONG_SOCKETS) else TIMEOUT_SECONDS
        routes, annotations = api_routes(site.settings), self._api_annotations()
        upstream = upstream_annotations(ingress.controller)
        if ingress.controller == "traefik":
            sticky = [entry for entry in routes if entry[1].sticky]
            routes = [entry for entry in routes if not entry[1].sticky]
            cookie = cookie_annotations(sticky[0][1].path)
            self._ingress(SOCKET_INGRESS, network.api_host, ingress.api_tls_secret, sticky, {**annotations, **cookie})
        self._ingress(
            API_INGRESS, network.api_host, ingress.api_tls_secret, routes, {**self._issuer(), **annotations, **upstream}
        )
        # On one shared host the API's Ingress orders the certificate; a second order for it would be refused.
        issuer = {} if network.wallet_host == network.api_host else self._issuer()
        self._ingress(
            WALLET_INGRESS,
            network.wallet_host,
            ingress.wallet_tls_secret,
            wallet_routes(site.settings),
            {**issuer, **upstream},
        )
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
        ingress = settings.stack.ingress
        k8s.networking.v1.Ingress(
            name,
            metadata=self.site.metadata(
                name,
                PartOf.TRAFFIC,
                annotations={
                    SKIP_AWAIT: "true",  # not every controller publishes an address
                    **common_annotations(
                        ingress.controller, redirect=ingress.https_redirect, silence_seconds=self._silence
                    ),
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
                                    "path_type": path_type(ingress.controller, exact=route.exact),
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
        ingress = self.site.settings.stack.ingress
        real = self.site.settings.has(Step.REAL_CLIENT_ADDRESS)
        return api_annotations(
            ingress.controller,
            origins=ingress.cors_origins,
            hash_by="$http_cf_connecting_ip" if real else "$remote_addr",
        )
