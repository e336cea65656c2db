"""MinioStorage: the server that holds voice messages and files."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSecurityContextArgsDict, PodSpecArgsDict

from common.labels import CONFIG_CHECKSUM, SKIP_AWAIT, PartOf, component_labels, scrape_annotations
from common.naming import MINIO, MINIO_CONSOLE_PORT, MINIO_CREDENTIALS, MINIO_PORT, MINIO_PVC
from components.arguments import CredentialsArgs, ProbeArgs, ResourcesArgs, SchedulingArgs, SecretValueArgs
from components.base import GxComponent, checksum, metadata
from components.minio_storage.policies import STALE_UPLOADS
from components.minio_storage.users import ACCESS_KEY, LIVE_LABELS, SECRET_KEY, BucketUserArgs, MinioUsers
from components.pods import http_probe, plain_env, pod_spec, resources, restricted_container, secret_env

SELECTOR = {"app": MINIO}
METRICS_PATH = "/minio/v2/metrics/cluster"
# 2 minutes to read a large volume; the others are those of the live manifest: 90 s without an answer is a hang.
STARTUP: ProbeArgs = {"path": "/minio/health/live", "delay": 5, "period": 5, "timeout": 3, "failures": 24}
READY: ProbeArgs = {"path": "/minio/health/ready", "delay": 10, "period": 10, "timeout": 5, "failures": 3}
LIVE: ProbeArgs = {"path": "/minio/health/live", "delay": 30, "period": 30, "timeout": 5, "failures": 3}


class MinioStorageArgs(TypedDict):
    """What the object store needs."""

    namespace: pulumi.Input[str]
    endpoint: str
    """URL by which pods reach it."""
    image: str
    client_image: str
    """Image with MinIO's client, for the provisioning Job."""
    storage: str
    """Size of the data volume, a Kubernetes quantity."""
    bucket: str
    status_bucket: str
    """Bucket for what backup runs say of themselves."""
    noncurrent_days: int
    """Days that a replaced or deleted version is kept."""
    expiry_days: NotRequired[Mapping[str, int]]
    """Days that an object lives, by prefix; without it nothing expires."""
    users: Sequence[BucketUserArgs]
    root_epoch: int
    """Raised for a new root pair."""
    root_credentials: NotRequired[CredentialsArgs]
    """The live pair of a server that is being taken over; generated where absent."""
    checksum_key: pulumi.Input[str]
    """Key under which the root pair is hashed, so that the server restarts with another one."""
    stateful_set: NotRequired[bool]
    """Whether the server is a StatefulSet instead of a Deployment."""
    run_as_root: NotRequired[bool]
    """As found it runs as root, on a volume whose files belong to root."""
    metrics_token: NotRequired[bool]
    """Whether metrics need a token; without one they are public inside the cluster."""
    browser: NotRequired[bool]
    """Whether the console is on."""
    named_target_ports: NotRequired[bool]
    """Whether the Service reaches the container's ports by name."""
    resources: ResourcesArgs
    job_resources: ResourcesArgs
    scheduling: SchedulingArgs


class MinioStorage(GxComponent):
    """MinIO on the claim `minio-pvc`, its root credentials, its Service and its users.

    Token: gx:storage:MinioStorage. One server on one claim, mounted by name, behind one ClusterIP Service, as it
    runs today (takeover.md 6). Root keys serve the server and the provisioning Job alone; every other purpose has a
    user of its own. The console has no route.

    Attributes:
        endpoint: URL by which pods reach it.
        credentials_secret: The Secret of the root pair.
        root_credentials: The S3 variables of the root pair.
        credentials: The S3 variables of a user's pair, by purpose.
        ready: What pods with a key pair wait for.
    """

    TOKEN = "gx:storage:MinioStorage"
    endpoint: pulumi.Output[str]
    """URL by which pods reach it."""
    credentials_secret: pulumi.Output[str]
    """Name of the Secret of the root pair."""

    def __init__(
        self,
        name: str,
        args: MinioStorageArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        wait_for: Sequence[pulumi.Resource] = (),
    ) -> None:
        super().__init__(name, opts)
        self._args, self._namespace = args, args["namespace"]
        self._root_user, self._root_password = self._root_pair()
        values = {
            "MINIO_ROOT_USER": self._root_user,
            "MINIO_ROOT_PASSWORD": self._root_password,
            ACCESS_KEY: self._root_user,  # equals the root pair today; svc-messaging's until it has its own
            SECRET_KEY: self._root_password,
        }
        self.root_credentials: dict[str, SecretValueArgs] = {
            key: {"secret": MINIO_CREDENTIALS, "key": key, "content": values[key]} for key in (ACCESS_KEY, SECRET_KEY)
        }
        credentials = k8s.core.v1.Secret(
            MINIO_CREDENTIALS,
            metadata=metadata(
                MINIO_CREDENTIALS, PartOf.STORAGE, namespace=self._namespace, labels=LIVE_LABELS, app=MINIO
            ),
            string_data=dict(values),
            opts=self.child(),
        )
        self._claim()
        server = self._server((credentials, *wait_for))
        users = MinioUsers(
            "minio-users",
            {
                "namespace": self._namespace,
                "endpoint": args["endpoint"],
                "image": args["client_image"],
                "bucket": args["bucket"],
                "status_bucket": args["status_bucket"],
                "noncurrent_days": args["noncurrent_days"],
                "expiry_days": args.get("expiry_days", {}),
                "root_epoch": args["root_epoch"],
                "users": args["users"],
                "resources": args["job_resources"],
                "scheduling": args["scheduling"],
            },
            pulumi.ResourceOptions(parent=self),
            wait_for=(server, self._service(), credentials, *wait_for),
        )
        self.credentials = users.credentials
        self.ready = users.ready
        self.endpoint = pulumi.Output.from_input(args["endpoint"])
        self.credentials_secret = pulumi.Output.from_input(MINIO_CREDENTIALS)
        self.register_outputs({"endpoint": args["endpoint"]})

    def _root_pair(self) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        given, epoch = self._args.get("root_credentials"), self._args["root_epoch"]
        if given is not None:
            return pulumi.Output.secret(given["access_key"]), pulumi.Output.secret(given["secret_key"])
        return (
            self.generated(f"minioRoot-user-{epoch}", network=self._namespace, length=20),
            self.generated(f"minioRoot-password-{epoch}", network=self._namespace),
        )

    def _claim(self) -> None:
        k8s.core.v1.PersistentVolumeClaim(
            MINIO_PVC,
            metadata=metadata(
                MINIO_PVC,
                PartOf.STORAGE,
                namespace=self._namespace,
                labels=LIVE_LABELS,
                annotations={SKIP_AWAIT: "true"},  # local-path binds a claim with the first pod that mounts it
                app=MINIO,
            ),
            spec={
                "access_modes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": self._args["storage"]}},
            },
            opts=self.child(),
        )

    def _container(self) -> ContainerArgsDict:
        args = self._args
        container: ContainerArgsDict = {
            "name": MINIO,
            "image": args["image"],
            "image_pull_policy": "IfNotPresent",
            "args": ["server", "/data", "--console-address", f":{MINIO_CONSOLE_PORT}"],
            "ports": [
                {"name": "api", "container_port": MINIO_PORT},
                {"name": "console", "container_port": MINIO_CONSOLE_PORT},
            ],
            "env": [
                *(
                    secret_env(key, {"secret": MINIO_CREDENTIALS, "key": key})
                    for key in ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD")
                ),
                *plain_env(
                    {
                        "MINIO_BROWSER": "on" if args.get("browser") else "off",
                        # Public inside the cluster, where NetworkPolicies let only Prometheus in, until it has a token.
                        "MINIO_PROMETHEUS_AUTH_TYPE": "jwt" if args.get("metrics_token") else "public",
                        "MINIO_API_STALE_UPLOADS_EXPIRY": STALE_UPLOADS,
                    }
                ),
            ],
            "resources": resources(args["resources"]),
            "startup_probe": http_probe(STARTUP, "api"),
            "readiness_probe": http_probe(READY, "api"),
            "liveness_probe": http_probe(LIVE, "api"),
            "volume_mounts": [{"name": "data", "mount_path": "/data"}, {"name": "tmp", "mount_path": "/tmp"}],  # noqa: S108
        }
        if not args.get("run_as_root"):
            container["security_context"] = restricted_container()
        return container

    def _pod(self) -> PodSpecArgsDict:
        as_root: PodSecurityContextArgsDict = {"seccomp_profile": {"type": "RuntimeDefault"}}
        return pod_spec(
            self._args["scheduling"],
            service_account=MINIO,
            containers=[self._container()],
            volumes=[
                {"name": "data", "persistent_volume_claim": {"claim_name": MINIO_PVC}},
                {"name": "tmp", "empty_dir": {"size_limit": "256Mi"}},
            ],
            security=as_root if self._args.get("run_as_root") else None,
        )

    def _server(self, wait_for: Sequence[pulumi.Resource]) -> pulumi.Resource:
        root = checksum(self._args["checksum_key"], {"user": self._root_user, "password": self._root_password})
        described = metadata(MINIO, PartOf.STORAGE, namespace=self._namespace, labels=LIVE_LABELS)
        # Annotations cannot name a token: with one, Prometheus has a scrape job of its own.
        scraped = {} if self._args.get("metrics_token") else scrape_annotations(MINIO_PORT, METRICS_PATH)
        template: k8s.core.v1.PodTemplateSpecArgsDict = {
            "metadata": {
                "labels": {**component_labels(MINIO, PartOf.STORAGE), **SELECTOR},
                "annotations": {**scraped, CONFIG_CHECKSUM: root},
            },
            "spec": self._pod(),
        }
        if not self._args.get("stateful_set"):
            return k8s.apps.v1.Deployment(
                MINIO,
                metadata=described,
                spec={
                    "replicas": 1,
                    "selector": {"match_labels": SELECTOR},
                    "strategy": {"type": "Recreate"},  # never two servers on one claim
                    "template": template,
                },
                opts=self.child(wait_for),
            )
        return k8s.apps.v1.StatefulSet(
            MINIO,
            metadata=described,
            spec={
                "replicas": 1,
                "service_name": MINIO,
                "selector": {"match_labels": SELECTOR},
                "template": template,
            },
            opts=self.child(wait_for),
        )

    def _service(self) -> k8s.core.v1.Service:
        ports = {"api": MINIO_PORT, "console": MINIO_CONSOLE_PORT}
        named = self._args.get("named_target_ports")
        return k8s.core.v1.Service(
            MINIO,
            metadata=metadata(
                MINIO,
                PartOf.STORAGE,
                namespace=self._namespace,
                labels=LIVE_LABELS,
                annotations={SKIP_AWAIT: "true"},  # it would hold a slot that its own pod needs, see Workload
            ),
            spec={
                "type": "ClusterIP",
                "selector": SELECTOR,
                "ports": [
                    {"name": name, "port": port, "target_port": name if named else port, "protocol": "TCP"}
                    for name, port in ports.items()
                ],
            },
            opts=self.child(),
        )
