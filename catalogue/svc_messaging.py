"""svc-messaging: conversations, messages, files and voice over REST and Socket.IO (production.md#svc-messaging)."""

from catalogue.common import API_SERVICES, STARTUP
from catalogue.workload_spec import Dependency, Metrics, Probe, Probes, Role, Route, SecretKey, WorkloadSpec
from common.labels import PartOf, Tier
from common.naming import BACKEND_CONFIG, BACKEND_SECRETS, CONNECTIONS, MINIO_REGION

WORKLOAD = WorkloadSpec(
    name="svc-messaging",
    purpose="messages and files",
    role=Role.API,
    part_of=PartOf.MESSAGING,
    ports={"http": 3007, "websocket": 3008},
    service="svc-messaging",
    service_ports={"http": 80, "websocket": 3008},
    probes=Probes(
        port="http",
        startup=STARTUP,
        readiness=Probe(
            path="/health", delay=10, period=5, timeout=3, failures=2, reason="10 s without the database: no traffic"
        ),
        liveness=Probe(
            path="/health", delay=30, period=10, timeout=5, failures=3, reason="30 s without an answer is a hang"
        ),
    ),
    env={
        "PORT": "3007",
        "MESSAGING_SERVICE_PORT": "3007",
        "WEBSOCKET_PORT": "3008",
        "MASTER_KEY_ENABLED": "false",
        "S3_ENDPOINT": lambda network: network.minio_url,
        "S3_BUCKET_VOICE": lambda network: network.bucket,
        "S3_REGION": MINIO_REGION,
        "S3_FORCE_PATH_STYLE": "true",
        "DATABASE_URL": SecretKey(CONNECTIONS, "DATABASE_URL"),
        "REDIS_URL": SecretKey(CONNECTIONS, "REDIS_URL"),
        "JWT_SECRET": SecretKey(BACKEND_SECRETS, "JWT_SECRET"),
    },
    env_from=(BACKEND_CONFIG,),
    metrics=Metrics("http"),
    service_account="backend-api",
    grace_seconds=60,  # time for WebSockets to move to the other replica after SIGTERM
    depends_on=frozenset({Dependency.DATABASE, Dependency.REDIS, Dependency.MINIO}),
    calls=tuple(service for service in API_SERVICES if service != "svc-messaging"),
    tier=Tier.API,
    api_routes=(
        Route("/socket.io", sticky=True),
        *(
            Route(path)
            for path in (
                "/api/v1/conversations",
                "/api/v1/messages",
                "/api/v1/files",
                "/api/v1/voice",
                "/api/v1/keys",
                "/api/v1/groups",
            )
        ),
    ),
)
