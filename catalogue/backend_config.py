"""The ConfigMap `backend-config` that every backend pod reads (production.md#workloads), derived from the network."""

from common.naming import DATABASE_NAME, POSTGRES_PORT, REDIS_PORT, Network

PROJECTION_LAG_KEY = "PROJECTION_LAG_THRESHOLD_MS"

_SAME_EVERYWHERE = {
    "TENANT_ID": "default",
    "DATABASE_PORT": str(POSTGRES_PORT),
    "DATABASE_NAME": DATABASE_NAME,
    "REDIS_PORT": str(REDIS_PORT),
    "FABRIC_GRPC_KEEPALIVE": "true",
    "FABRIC_GRPC_KEEPALIVE_TIMEOUT": "120000",
    "FABRIC_CERT_PATH": "/etc/fabric/cert.pem",
    "FABRIC_KEY_PATH": "/etc/fabric/key.pem",
    "FABRIC_PEER_TLS_CA_CERT_PATH": "/etc/fabric/ca-cert.pem",
    "POLL_INTERVAL": "100",
    "BATCH_SIZE": "10",
    "MAX_RETRIES": "5",
    "LOCK_TIMEOUT": "30000",
    "ENABLE_METRICS": "true",
    "OUTBOX_METRICS_PORT": "9090",
    "PROJECTOR_METRICS_PORT": "9091",
    "START_BLOCK": "0",
    "CHECKPOINT_INTERVAL": "10",
    "IDENTITY_SERVICE_PORT": "3001",
    "JWT_EXPIRY": "24h",
    "JWT_REFRESH_EXPIRY": "7d",
    "ENABLE_IDEMPOTENCY": "true",
    "IDEMPOTENCY_TTL_HOURS": "24",
    "RATE_LIMIT_WINDOW_MS": "900000",
    "RATE_LIMIT_MAX_REQUESTS": "100",
}


def backend_config(
    network: Network, *, development: bool, projection_lag_threshold_ms: int, allowed_origins: tuple[str, ...]
) -> dict[str, str]:
    """Return the data of `backend-config`.

    Args:
        network: Gives every host, Fabric name and organisation.
        development: Whether services run in development mode with debug logs.
        projection_lag_threshold_ms: Above this lag /readyz answers 503 (production.md#promotion-and-readiness).
        allowed_origins: CORS origins of the services themselves.
    """
    peers = {
        prefix: f"peer0-{org}.{network.fabric_namespace}.svc.cluster.local:7051"
        for prefix, org in (("FABRIC_PEER", "org1"), ("FABRIC_ORG2_PEER", "org2"))
    }
    return dict(
        sorted(
            {
                **_SAME_EVERYWHERE,
                "NODE_ENV": "development" if development else "production",
                "LOG_LEVEL": "debug" if development else "info",
                "DATABASE_HOST": network.database_host,
                "REDIS_HOST": network.redis_host,
                "FABRIC_PEER_ENDPOINT": peers["FABRIC_PEER"],
                "FABRIC_ORG2_PEER_ENDPOINT": peers["FABRIC_ORG2_PEER"],
                "FABRIC_MSP_ID": f"Org1{network.title}MSP",
                "FABRIC_ORG2_MSP_ID": f"Org2{network.title}MSP",
                "FABRIC_CHANNEL_NAME": f"gxchannel-{network.name}",
                "FABRIC_CHAINCODE_NAME": f"gxtv3-{network.name}",
                "FABRIC_TLS_SERVER_NAME_OVERRIDE": f"peer0.org1.{network.name}.goodness.exchange",
                "FABRIC_ORG2_TLS_SERVER_NAME_OVERRIDE": f"peer0.org2.{network.name}.goodness.exchange",
                PROJECTION_LAG_KEY: str(projection_lag_threshold_ms),
                "ALLOWED_ORIGINS": ",".join(allowed_origins),
            }.items()
        )
    )
