"""svc-tax: fees and velocity tax (production.md#workloads)."""

from catalogue.common import api_service

WORKLOAD = api_service(
    "svc-tax",
    port=3007,
    purpose="fees and velocity tax",
    routes=("/api/v1/fees", "/api/v1/velocity-tax"),
)
