"""gx-wallet-frontend: the Next.js wallet (production.md#wallet). Its public URLs are baked into the image."""

from catalogue.secrets import NEXTAUTH_SECRET
from catalogue.workload_spec import Probe, Probes, Role, Route, SecretKey, ServiceUrl, WorkloadSpec
from common.labels import PartOf, Tier

WORKLOAD = WorkloadSpec(
    name="gx-wallet-frontend",
    purpose="web wallet",
    role=Role.FRONTEND,
    part_of=PartOf.BACKEND,
    ports={"http": 3000},
    service="gx-wallet-frontend",
    service_ports={"http": 80},
    probes=Probes(
        port="http",
        startup=Probe(path="/", delay=5, period=5, timeout=3, failures=10, reason="50 s for Next.js to start"),
        readiness=Probe(path="/", delay=10, period=5, timeout=3, failures=2, reason="the sibling front end's timing"),
        liveness=Probe(path="/", delay=30, period=10, timeout=5, failures=3, reason="the sibling front end's timing"),
    ),
    env={
        "NODE_ENV": "production",
        "NEXTAUTH_SECRET": SecretKey(NEXTAUTH_SECRET.secret, NEXTAUTH_SECRET.key),
        "NEXTAUTH_URL": lambda network: network.wallet_url,
        "IDENTITY_API_URL": ServiceUrl("svc-identity"),
        "TOKENOMICS_API_URL": ServiceUrl("svc-tokenomics"),
    },
    scratch=("/tmp", "/app/.next/cache"),  # noqa: S108 emptyDirs inside the pod
    service_account="backend-api",
    calls=("svc-identity", "svc-tokenomics"),
    tier=Tier.API,
    wallet_routes=(Route("/"),),
    generated=(NEXTAUTH_SECRET,),
)
