"""svc-loanpool: loan pool (production.md#workloads)."""

from catalogue.common import api_service

WORKLOAD = api_service(
    "svc-loanpool",
    port=3004,
    purpose="loan pool",
    routes=("/api/v1/loans",),
)
