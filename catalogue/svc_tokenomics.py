"""svc-tokenomics: wallets and transfers (production.md#workloads)."""

from catalogue.common import api_service

WORKLOAD = api_service(
    "svc-tokenomics",
    port=3002,
    purpose="wallets and transfers",
    routes=("/api/v1/wallets", "/api/v1/transactions", "/api/v1/balances", "/api/v1/transfers", "/api/v1/commands"),
)
