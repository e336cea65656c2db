"""svc-governance: proposals and votes (production.md#workloads)."""

from catalogue.common import api_service

WORKLOAD = api_service(
    "svc-governance",
    port=3005,
    purpose="proposals and votes",
    routes=("/api/v1/proposals", "/api/v1/votes"),
)
