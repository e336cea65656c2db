"""Names: those that are the same on every network, and those that derive from the network's own.

What derives from the network is computed here alone, so that no stack file can name another network's.
"""

from dataclasses import dataclass

INGRESS_NAMESPACE = "ingress-nginx"
MONITORING_NAMESPACE = "monitoring"
DNS_NAMESPACE = "kube-system"  # its uid also identifies the cluster

DATABASE_NAME = "gx_protocol"  # production.md#database
POSTGRES_PORT = 5432
REDIS_PORT = 6379
MINIO_PORT = 9000
MINIO_CONSOLE_PORT = 9001
MINIO_REGION = "us-east-1"  # production.md#svc-messaging

MINIO = "minio"
MINIO_CREDENTIALS = "minio-credentials"  # MINIO_ROOT_* and AWS_*: four keys, production.md#minio
MINIO_MESSAGING_USER = "minio-svc-messaging"  # svc-messaging's own S3 user, takeover.md 8
MINIO_BACKUP_USER = "minio-backup-reader"  # may list and read, and write the status
MINIO_RESTORE_USER = "minio-restore"  # may write, never delete; read by `gx restore` alone
MINIO_METRICS_USER = "minio-metrics"  # may read metrics and the status
MINIO_USERS = "minio-users"  # every user's pair, read by the provisioning Job alone
MINIO_PVC = "minio-pvc"
BACKUP = "minio-backup"
BACKUP_PVC = "minio-backup-pvc"
BACKUP_STATUS_BUCKET = "gx-backup-status"  # what the runs say of themselves
BACKUP_METRICS = "backup-metrics"
BACKUP_METRICS_PORT = 9108
AGE_IDENTITY = "AGE_IDENTITY"  # key of the Secret of the off-site copy
OFFSITE = "minio-offsite"  # the off-site copy and the Secret of its key pair
RESTORE_DRILL = "minio-restore-drill"
CONNECTIONS = "gx-connections"  # REDIS_URL and DATABASE_URL with every part percent-encoded
BACKEND_CONFIG = "backend-config"
BACKEND_SECRETS = "backend-secrets"
WALLET_AUTH = "gx-wallet-auth"
TEST_USERS = "gx-test-users"
QSEND_USERS = ("alice.johnson", "bob.williams")  # test users that can pay each other, production.md#test-users
DATABASE_ROLES = "gx-database-roles"  # verifiers, read by the schema Job alone
EDGE_PROXY = "edge-proxy"
MESSAGING_DATABASE = "svc-messaging-database"  # svc-messaging's own DATABASE_URL


@dataclass(frozen=True)
class Network:
    """One network and the names that derive from it.

    Attributes:
        name: The stack's name: devnet, testnet, mainnet or a network added later.
        production: Whether real users' data lives here.
        zone: The DNS zone of the public hosts.
        bucket: The one bucket of voice messages and files.
    """

    name: str
    production: bool
    zone: str
    bucket: str

    @property
    def namespace(self) -> str:
        """The namespace of the backend."""
        return f"backend-{self.name}"

    @property
    def fabric_namespace(self) -> str:
        """The namespace of the network's Fabric peers; foreign, may be absent."""
        return f"fabric-{self.name}"

    @property
    def edge_namespace(self) -> str:
        """The namespace of the proxy on the nodes' public ports."""
        return f"gx-edge-{self.name}"

    @property
    def wallet_host(self) -> str:
        """The public host of the wallet."""
        return f"{'wallet' if self.production else self.name}.{self.zone}"

    @property
    def api_host(self) -> str:
        """The public host of the API and of Socket.IO; outside production it is the wallet's host."""
        return f"{'api' if self.production else self.name}.{self.zone}"

    @property
    def wallet_url(self) -> str:
        """The public URL of the wallet."""
        return f"https://{self.wallet_host}"

    @property
    def api_url(self) -> str:
        """The public URL of the API."""
        return f"https://{self.api_host}"

    @property
    def websocket_url(self) -> str:
        """The public URL of Socket.IO."""
        return f"wss://{self.api_host}/socket.io"

    def service_host(self, service: str) -> str:
        """Return the cluster-internal DNS name of a Service of this network."""
        return f"{service}.{self.namespace}.svc.cluster.local"

    @property
    def redis_host(self) -> str:
        """The Redis master of this network."""
        return self.service_host("redis-master")

    @property
    def database_host(self) -> str:
        """The Service that reaches the writable database pod, never `postgres`, which spreads over replicas."""
        return self.service_host("postgres-primary")

    @property
    def minio_url(self) -> str:
        """The S3 endpoint inside the cluster."""
        return f"http://{self.service_host(MINIO)}:{MINIO_PORT}"

    @property
    def alerts_config_map(self) -> str:
        """The ConfigMap of alert rules; it lies in the shared namespace, so it carries the network's name."""
        return f"prometheus-messaging-alerts-{self.name}"

    @property
    def title(self) -> str:
        """The network's name as Fabric's MSP ids write it: Mainnet."""
        return self.name.capitalize()
