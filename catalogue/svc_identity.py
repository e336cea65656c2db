"""svc-identity: accounts, log-in, documents (production.md#workloads). Sends mail and has uploads scanned by ClamAV."""

from dataclasses import replace

from catalogue.common import api_service
from catalogue.workload_spec import Dependency, Route

_API = api_service(
    "svc-identity",
    port=3001,
    purpose="accounts and log-in",
    routes=(
        "/api/v1/auth",
        "/api/v1/users",
        "/api/v1/registration",
        "/api/v1/beneficiaries",
        "/api/v1/relationships",
        "/api/v1/documents",
        "/api/v1/validation",
        "/api/v1/notifications",
    ),
)

WORKLOAD = replace(
    _API,
    depends_on=_API.depends_on | {Dependency.EXTERNAL_HTTPS, Dependency.CLAMAV},
    api_routes=(*_API.api_routes, Route("/health", exact=True)),
)
