"""The contract with other teams: what a stack exports. Names of Secrets, never their values.

A key that is renamed or removed, or whose shape changes, is a breaking change: see CHANGELOG.md.
"""

from collections.abc import Mapping
from typing import TypedDict

from common.naming import (
    BACKEND_SECRETS,
    BACKUP_PVC,
    CONNECTIONS,
    MINIO_BACKUP_USER,
    MINIO_CREDENTIALS,
    MINIO_MESSAGING_USER,
    MINIO_METRICS_USER,
    MINIO_REGION,
)
from settings.ports import service_url
from settings.settings import Settings

CONTRACT_VERSION = 1


class Endpoints(TypedDict):
    """Public URLs."""

    wallet: str
    api: str
    websocket: str


class Storage(TypedDict):
    """The object store inside the cluster."""

    endpoint: str
    region: str
    bucket: str


class BackupSchedule(TypedDict):
    """When the bucket is copied (UTC) and how long a copy is kept."""

    schedule: str
    retentionDays: int
    persistentVolumeClaim: str


class SecretNames(TypedDict):
    """Names of Secrets in the network's namespace."""

    connections: str
    backend: str
    redis: str
    minioRoot: str
    minioMessagingUser: str
    minioBackupUser: str
    minioMetricsUser: str


class EdgeNode(TypedDict):
    """A node that can answer for public hosts."""

    id: str
    address: str


class Outputs(TypedDict):
    """Everything that a stack exports.

    Attributes:
        contractVersion: Raised with every breaking change of this contract.
        network: The network's name.
        namespace: Namespace of the backend.
        endpoints: Public URLs.
        services: In-cluster URL of every workload that the network runs and others may call, by workload.
        storage: The object store.
        secrets: Names of Secrets.
        versions: Image reference of every workload that the network runs, by workload.
        edgeNodes: Nodes of the network, drained ones included.
        backup: When and where the bucket is copied.
        alertsConfigMap: ConfigMap of alert rules in the monitoring namespace.
    """

    contractVersion: int
    network: str
    namespace: str
    endpoints: Endpoints
    services: dict[str, str]
    storage: Storage
    secrets: SecretNames
    versions: dict[str, str]
    edgeNodes: list[EdgeNode]
    backup: BackupSchedule
    alertsConfigMap: str


def outputs_of(settings: Settings) -> Outputs:
    """Return the outputs of a network; all of them are known before anything is created."""
    network, stack = settings.network, settings.stack
    callable_ones: Mapping[str, str] = {
        workload.name: service_url(settings, workload.name)
        for workload in settings.workloads.values()
        if "http" in workload.ports
    }
    return Outputs(
        contractVersion=CONTRACT_VERSION,
        network=network.name,
        namespace=network.namespace,
        endpoints=Endpoints(wallet=network.wallet_url, api=network.api_url, websocket=network.websocket_url),
        services=dict(callable_ones),
        storage=Storage(endpoint=network.minio_url, region=MINIO_REGION, bucket=network.bucket),
        secrets=SecretNames(
            connections=CONNECTIONS,
            backend=BACKEND_SECRETS,
            redis=stack.redis.secret,
            minioRoot=MINIO_CREDENTIALS,
            minioMessagingUser=MINIO_MESSAGING_USER,
            minioBackupUser=MINIO_BACKUP_USER,
            minioMetricsUser=MINIO_METRICS_USER,
        ),
        versions={name: settings.image(name) for name in settings.workloads},
        edgeNodes=[EdgeNode(id=node.id, address=node.address) for node in stack.nodes],
        backup=BackupSchedule(
            schedule=stack.backup.schedule,
            retentionDays=stack.backup.retention_days,
            persistentVolumeClaim=BACKUP_PVC,
        ),
        alertsConfigMap=network.alerts_config_map,
    )
