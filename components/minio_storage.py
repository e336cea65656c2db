"""MinioStorage: the server that holds voice messages and files."""

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSecurityContextArgsDict, PodSpecArgsDict

from components.base import GxArgs, GxComponent
from components.minio_users import LIVE_LABELS, MinioUsers, MinioUsersArgs
from components.pods import http_probe, plain_env, pod_spec, resources, restricted_container, secret_env
from gx.catalogue.model import Probe
from gx.labels import CONFIG_CHECKSUM, SKIP_AWAIT, PartOf, scrape_annotations
from gx.naming import (
    MINIO,
    MINIO_CONSOLE_PORT,
    MINIO_CREDENTIALS,
    MINIO_PORT,
    MINIO_PVC,
)
from gx.steps import Step
from gx.storage import STALE_UPLOADS

SELECTOR = {"app": MINIO}
METRICS_PATH = "/minio/v2/metrics/cluster"
STARTUP = Probe(
    path="/minio/health/live", delay=5, period=5, timeout=3, failures=24, reason="2 min to read a large volume"
)
READY = Probe(path="/minio/health/ready", delay=10, period=10, timeout=5, failures=3, reason="live manifest")
LIVE = Probe(path="/minio/health/live", delay=30, period=30, timeout=5, failures=3, reason="live manifest; 90 s hang")


@dataclass(frozen=True, kw_only=True)
class MinioStorageArgs(GxArgs):
    """What every component needs is all that it takes."""


class MinioStorage(GxComponent):
    """MinIO on the claim `minio-pvc`, its root credentials, its Service and its users.

    Token: gx:storage:MinioStorage. One server on one claim, mounted by name, behind one ClusterIP Service, as it
    runs today (takeover.md 6). Root keys serve the server and the provisioning Job alone; every other purpose has a
    user of its own. The console has no route and is off in production. `contents` holds what the Secrets hold, by
    "name/key"; `ready` is what pods with a key pair wait for.
    """

    TOKEN: ClassVar[str] = "gx:storage:MinioStorage"

    def __init__(self, name: str, args: MinioStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        site = args.site
        self._root_user = self.generated("minioRoot-user", length=20, override="minioRootUser", epoch="minioRoot")
        self._root_password = self.generated("minioRoot-password", override="minioRootPassword", epoch="minioRoot")
        self.contents: dict[str, pulumi.Output[str]] = {}
        credentials = self._secret(
            MINIO_CREDENTIALS,
            {
                "MINIO_ROOT_USER": self._root_user,
                "MINIO_ROOT_PASSWORD": self._root_password,
                "AWS_ACCESS_KEY_ID": self._root_user,  # equals the root pair today; svc-messaging's until its step
                "AWS_SECRET_ACCESS_KEY": self._root_password,
            },
        )
        self._claim()
        server = self._server(wait_for=(credentials, *args.wait_for))
        service = self._service()
        users = MinioUsers(
            "minio-users",
            MinioUsersArgs(site=site, wait_for=(server, service, credentials, *args.wait_for)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.contents.update(users.contents)
        self.ready = users.ready
        self.register_outputs({"endpoint": site.settings.network.minio_url})

    def _secret(self, name: str, values: dict[str, pulumi.Output[str]]) -> k8s.core.v1.Secret:
        self.contents.update({f"{name}/{key}": value for key, value in values.items()})
        return k8s.core.v1.Secret(
            name,
            metadata=self.site.metadata(name, PartOf.STORAGE, labels=LIVE_LABELS, app=MINIO),
            string_data=dict(values),
            opts=self.child("Secret", name),
        )

    def _claim(self) -> None:
        k8s.core.v1.PersistentVolumeClaim(
            MINIO_PVC,
            metadata=self.site.metadata(
                MINIO_PVC,
                PartOf.STORAGE,
                labels=LIVE_LABELS,
                annotations={SKIP_AWAIT: "true"},  # local-path binds a claim with the first pod that mounts it
                app=MINIO,
            ),
            spec={
                "access_modes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": self.site.settings.stack.minio.storage}},
            },
            opts=self.child("PersistentVolumeClaim", MINIO_PVC),
        )

    def _container(self) -> ContainerArgsDict:
        settings = self.site.settings
        container: ContainerArgsDict = {
            "name": MINIO,
            "image": settings.platform_image("minio"),
            "image_pull_policy": "IfNotPresent",
            "args": ["server", "/data", "--console-address", f":{MINIO_CONSOLE_PORT}"],
            "ports": [
                {"name": "api", "container_port": MINIO_PORT},
                {"name": "console", "container_port": MINIO_CONSOLE_PORT},
            ],
            "env": [
                secret_env("MINIO_ROOT_USER", MINIO_CREDENTIALS, "MINIO_ROOT_USER"),
                secret_env("MINIO_ROOT_PASSWORD", MINIO_CREDENTIALS, "MINIO_ROOT_PASSWORD"),
                *plain_env(
                    {
                        "MINIO_BROWSER": "off" if settings.network.production else "on",
                        # Public inside the cluster, where NetworkPolicies let only Prometheus in, until it has a token.
                        "MINIO_PROMETHEUS_AUTH_TYPE": "jwt" if settings.has(Step.MINIO_METRICS_TOKEN) else "public",
                        "MINIO_API_STALE_UPLOADS_EXPIRY": STALE_UPLOADS,
                    }
                ),
            ],
            "resources": resources(settings.stack.minio.resources),
            "startup_probe": http_probe(STARTUP, "api"),
            "readiness_probe": http_probe(READY, "api"),
            "liveness_probe": http_probe(LIVE, "api"),
            "volume_mounts": [{"name": "data", "mount_path": "/data"}, {"name": "tmp", "mount_path": "/tmp"}],  # noqa: S108
        }
        if settings.has(Step.MINIO_NON_ROOT):
            container["security_context"] = restricted_container()
        return container

    def _pod(self) -> PodSpecArgsDict:
        # As found MinIO runs as root on a volume whose files belong to root: the one exception (takeover.md 7).
        as_found: PodSecurityContextArgsDict = {"seccomp_profile": {"type": "RuntimeDefault"}}
        non_root = self.site.settings.has(Step.MINIO_NON_ROOT)
        return pod_spec(
            self.site.settings.stack.scheduling,
            service_account=MINIO,
            containers=[self._container()],
            volumes=[
                {"name": "data", "persistent_volume_claim": {"claim_name": MINIO_PVC}},
                {"name": "tmp", "empty_dir": {"size_limit": "256Mi"}},
            ],
            security=None if non_root else as_found,
        )

    def _server(self, wait_for: tuple[pulumi.Resource, ...]) -> pulumi.Resource:
        checksum = self.site.checksum({"user": self._root_user, "password": self._root_password})
        metadata = self.site.metadata(MINIO, PartOf.STORAGE, labels=LIVE_LABELS)
        # Annotations cannot name a token: with one, Prometheus has a scrape job of its own.
        token = self.site.settings.has(Step.MINIO_METRICS_TOKEN)
        scraped = {} if token else scrape_annotations(MINIO_PORT, METRICS_PATH)
        template: k8s.core.v1.PodTemplateSpecArgsDict = {
            "metadata": {
                "labels": self.site.pod_labels(MINIO, PartOf.STORAGE, SELECTOR),
                "annotations": {**scraped, CONFIG_CHECKSUM: checksum},
            },
            "spec": self._pod(),
        }
        kind = self.site.settings.stack.minio.kind
        options = self.child(kind, MINIO, holds_data=True, depends_on=wait_for)
        if kind == "Deployment":
            return k8s.apps.v1.Deployment(
                MINIO,
                metadata=metadata,
                spec={
                    "replicas": 1,
                    "selector": {"match_labels": SELECTOR},
                    "strategy": {"type": "Recreate"},  # never two servers on one claim
                    "template": template,
                },
                opts=options,
            )
        return k8s.apps.v1.StatefulSet(
            MINIO,
            metadata=metadata,
            spec={
                "replicas": 1,
                "service_name": MINIO,
                "selector": {"match_labels": SELECTOR},
                "template": template,
            },
            opts=options,
        )

    def _service(self) -> k8s.core.v1.Service:
        ports = {"api": MINIO_PORT, "console": MINIO_CONSOLE_PORT}
        named = self.site.settings.has(Step.NAMED_TARGET_PORTS)
        return k8s.core.v1.Service(
            MINIO,
            metadata=self.site.metadata(
                MINIO,
                PartOf.STORAGE,
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
            opts=self.child("Service", MINIO),
        )
