"""svc-organization: organizations (production.md#workloads)."""

from catalogue.common import api_service

WORKLOAD = api_service(
    "svc-organization",
    port=3003,
    purpose="organizations",
    routes=("/api/v1/organizations",),
)
