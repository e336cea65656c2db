"""svc-admin: the administrators' API (production.md#workloads). Calls webhooks outside the cluster."""

from dataclasses import replace

from catalogue.common import api_service
from catalogue.workload_spec import Dependency

_API = api_service("svc-admin", port=3006, purpose="administration", routes=("/api/v1/admin",))

WORKLOAD = replace(_API, depends_on=_API.depends_on | {Dependency.EXTERNAL_HTTPS})
