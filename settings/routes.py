"""The one table of public paths of a network, from the catalogue and the stack file."""

from catalogue.workload_spec import Route, WorkloadSpec
from settings.settings import Settings

QSEND = Route("/api/v1/qsend")
"""Missing on production today (production.md#ingress): a setting, because an older outbox-submitter cannot pay."""
QSEND_SERVICE = "svc-identity"


def api_routes(settings: Settings) -> list[tuple[WorkloadSpec, Route]]:
    """Return every public path of the API host with the workload behind it."""
    workloads = settings.workloads
    routes = [(workload, route) for workload in workloads.values() for route in workload.api_routes]
    return [*routes, (workloads[QSEND_SERVICE], QSEND)] if settings.stack.ingress.qsend_route else routes


def wallet_routes(settings: Settings) -> list[tuple[WorkloadSpec, Route]]:
    """Return every public path of the wallet host with the workload behind it."""
    return [(workload, route) for workload in settings.workloads.values() for route in workload.wallet_routes]
