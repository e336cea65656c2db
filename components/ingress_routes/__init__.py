"""The public hosts and paths."""

from components.ingress_routes.component import HostArgs, IngressRoutes, IngressRoutesArgs, RouteArgs

__all__ = ["HostArgs", "IngressRoutes", "IngressRoutesArgs", "RouteArgs"]
