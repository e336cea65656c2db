"""IngressRoutes: the public hosts and every path on them."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from common.cluster import INGRESS_CLASS, SILENCE_SECONDS
from common.labels import SKIP_AWAIT, PartOf
from components.base import GxComponent, metadata
from components.ingress_routes.annotations import (
    TIMEOUT_SECONDS,
    api_annotations,
    common_annotations,
    cookie_annotations,
    path_type,
    upstream_annotations,
)

API_INGRESS = "gx-backend-ingress"
WALLET_INGRESS = "gx-wallet-ingress"
SOCKET_INGRESS = "gx-socket-ingress"


class RouteArgs(TypedDict):
    """A public path and the Service port behind it."""

    path: str
    """A prefix unless `exact`."""
    service: str
    port: int
    exact: NotRequired[bool]
    """Whether nothing below it is served."""
    sticky: NotRequired[bool]
    """Whether a client must meet the same replica again."""


class HostArgs(TypedDict):
    """A public host."""

    name: str
    tls_secret: str
    routes: Sequence[RouteArgs]


class IngressRoutesArgs(TypedDict):
    """What is public."""

    namespace: pulumi.Input[str]
    controller: str
    """"nginx" or "traefik"."""
    issuer: str
    """The ClusterIssuer of the certificates."""
    api: HostArgs
    wallet: HostArgs
    origins: Sequence[str]
    """Origins of the app, for CORS."""
    https_redirect: bool
    long_sockets: NotRequired[bool]
    """Whether a silent WebSocket stays open for an hour above the ping interval instead of 300 s."""
    real_client_address: NotRequired[bool]
    """Whether stickiness follows the user's address from CF-Connecting-IP instead of the peer's."""


class IngressRoutes(GxComponent):
    """One Ingress for the API host and one for the wallet host, adopted by host and path.

    Under Traefik the paths that need the same replica again have a third one: its cookie must not be set by others.

    Token: gx:traffic:IngressRoutes. Only what the chosen controller honours is asked of it; what production carries
    without effect (keys of the controller's own ConfigMap) is left out. Does not install a controller, an issuer or an
    IngressClass.
    """

    TOKEN = "gx:traffic:IngressRoutes"

    def __init__(self, name: str, args: IngressRoutesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        controller, wallet = args["controller"], args["wallet"]
        api: HostArgs = args["api"]
        annotations, upstream = self._api_annotations(), upstream_annotations(controller)
        if controller == "traefik":
            sticky = [route for route in api["routes"] if route.get("sticky")]
            others = [route for route in api["routes"] if not route.get("sticky")]
            cookie = cookie_annotations(sticky[0]["path"])
            self._ingress(SOCKET_INGRESS, _with_routes(api, sticky), {**annotations, **cookie})
            api = _with_routes(api, others)
        self._ingress(API_INGRESS, api, {**self._issuer(), **annotations, **upstream})
        # On one shared host the API's Ingress orders the certificate; a second order for it would be refused.
        issuer = {} if wallet["name"] == api["name"] else self._issuer()
        self._ingress(WALLET_INGRESS, wallet, {**issuer, **upstream})
        self.register_outputs({"hosts": sorted({api["name"], wallet["name"]})})

    def _ingress(self, name: str, host: HostArgs, annotations: Mapping[str, str]) -> None:
        args = self._args
        silence = SILENCE_SECONDS if args.get("long_sockets") else TIMEOUT_SECONDS
        k8s.networking.v1.Ingress(
            name,
            metadata=metadata(
                name,
                PartOf.TRAFFIC,
                namespace=args["namespace"],
                annotations={
                    SKIP_AWAIT: "true",  # not every controller publishes an address
                    **common_annotations(args["controller"], redirect=args["https_redirect"], silence_seconds=silence),
                    **annotations,
                },
            ),
            spec={
                "ingress_class_name": INGRESS_CLASS,
                "tls": [{"hosts": [host["name"]], "secret_name": host["tls_secret"]}],
                "rules": [{"host": host["name"], "http": {"paths": [self._path(route) for route in host["routes"]]}}],
            },
            opts=self.child(),
        )

    def _path(self, route: RouteArgs) -> k8s.networking.v1.HTTPIngressPathArgsDict:
        return {
            "path": route["path"],
            "path_type": path_type(self._args["controller"], exact=route.get("exact", False)),
            "backend": {"service": {"name": route["service"], "port": {"number": route["port"]}}},
        }

    def _issuer(self) -> dict[str, str]:
        return {"cert-manager.io/cluster-issuer": self._args["issuer"]}

    def _api_annotations(self) -> dict[str, str]:
        real = self._args.get("real_client_address")
        return api_annotations(
            self._args["controller"],
            origins=tuple(self._args["origins"]),
            hash_by="$http_cf_connecting_ip" if real else "$remote_addr",
        )


def _with_routes(host: HostArgs, routes: Sequence[RouteArgs]) -> HostArgs:
    return {"name": host["name"], "tls_secret": host["tls_secret"], "routes": routes}
