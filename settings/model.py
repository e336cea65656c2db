"""The settings of one network: one frozen model, unknown keys forbidden (pydantic).

Keys are camelCase, as in `Pulumi.<stack>.yaml`. Numbers come from production.md; what is not known there is
listed in the stack file under `unconfirmed` with a reason, and the preview repeats it.
"""

from collections import Counter
from enum import StrEnum, unique
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from catalogue.feature_gates import FeatureGate
from catalogue.managed_components import ManagedComponent
from common.quantities import format_bytes, format_cores, parse_quantity
from settings.fields import (
    BucketName,
    Cron,
    DnsLabel,
    HttpsUrl,
    Model,
    Quantity,
    ResourcePair,
    Resources,
    Stamp,
    Uid,
    VariableName,
)
from settings.kubernetes_fields import LabelKey, Labels, LabelValue, NamespaceLabels, Registry, Repository, ZoneName
from settings.monitoring_settings import Monitoring
from settings.traffic import Cloudflare, Dns, Edge, Ingress, Node

Epoch = Annotated[int, Field(ge=1, le=1000)]
"""How often a secret was made; each one that was retired is a user that the provisioning Job removes."""


def _canonical(figure: str, text: str) -> str:
    amount = parse_quantity(text)
    if figure.endswith("memory"):
        return format_bytes(amount)
    return format_cores(amount) if figure.endswith("cpu") else text


@unique
class NetworkEnvironment(StrEnum):
    """What a network is for: its namespace's live label `environment` (production.md#cluster-and-networks)."""

    DEVELOPMENT = "development"
    TESTNET = "testnet"
    PRODUCTION = "production"


class Toleration(Model):
    """A taint that the network's pods tolerate."""

    key: LabelKey
    operator: Literal["Equal", "Exists"] = "Equal"
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "NoExecute", "PreferNoSchedule"]

    @model_validator(mode="after")
    def _exists_has_no_value(self) -> Self:
        if self.operator == "Exists" and self.value:
            raise ValueError("operator Exists takes no value: Kubernetes refuses every pod with both")
        return self


class Scheduling(Model):
    """Where every pod of the network runs, Jobs included (production.md#cluster-and-networks)."""

    node_selector: Labels
    tolerations: tuple[Toleration, ...] = ()


class Quota(Model):
    """The namespace's ResourceQuota. A figure that is not set is not limited (production.md#quota)."""

    name: DnsLabel
    requests_cpu: Quantity
    requests_memory: Quantity
    limits_cpu: Quantity | None = None
    limits_memory: Quantity | None = None
    pods: int | None = Field(default=None, gt=0)
    persistent_volume_claims: int = Field(gt=0)
    services: int | None = Field(default=None, gt=0)
    accepted_at_peak: dict[str, str] = Field(
        default_factory=dict,
        description="Resources whose production figure does not cover the peak (HPA maximum while everything rolls), "
        "each with the reason why that is accepted. The steady need must fit all the same.",
    )

    def hard(self) -> dict[str, str]:
        """Return the quota as Kubernetes writes it back: the provider waits until both are the same text."""
        figures = {
            "requests.cpu": self.requests_cpu,
            "requests.memory": self.requests_memory,
            "limits.cpu": self.limits_cpu,
            "limits.memory": self.limits_memory,
            "pods": self.pods,
            "persistentvolumeclaims": self.persistent_volume_claims,
            "services": self.services,
        }
        return {name: _canonical(name, str(figure)) for name, figure in figures.items() if figure is not None}


class ContainerLimits(Model):
    """LimitRange of containers: what is refused and what a container without figures gets."""

    min: ResourcePair
    max: ResourcePair
    default: ResourcePair
    default_request: ResourcePair

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        order = ("min", "default_request", "default", "max")
        for lower, upper in pairwise(order):
            for name in ("cpu", "memory"):
                if parse_quantity(getattr(getattr(self, lower), name)) > parse_quantity(
                    getattr(getattr(self, upper), name)
                ):
                    raise ValueError(
                        f"{to_camel(lower)}.{name} is above {to_camel(upper)}.{name}: Kubernetes refuses that"
                    )
        return self


class LimitRange(Model):
    """The namespace's LimitRange (production.md#quota)."""

    name: DnsLabel
    container: ContainerLimits
    pod_min: ResourcePair


class SecretRef(Model):
    """One key of a Secret that exists in the network's namespace."""

    secret: DnsLabel
    key: str = Field(pattern=r"^[-._a-zA-Z0-9]+$")


class ServicePort(Model):
    """One port of a Service on this network; `target` is the container port's name in the catalogue."""

    port: int = Field(ge=1, le=65535)
    target: str = "http"
    node_port: int | None = Field(default=None, ge=30000, le=32767)


class ServiceSettings(Model):
    """A Service as it is on this network, where that differs from the catalogue (takeover.md 12)."""

    type: Literal["ClusterIP", "NodePort"] = "ClusterIP"
    ports: tuple[ServicePort, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_port_once(self) -> Self:
        for name, taken in (("port", [p.port for p in self.ports]), ("nodePort", [p.node_port for p in self.ports])):
            twice = [number for number, count in Counter(taken).items() if number is not None and count > 1]
            if twice:
                raise ValueError(f"{name} {twice[0]} is there {taken.count(twice[0])} times")
        if self.type == "ClusterIP" and any(port.node_port for port in self.ports):
            raise ValueError("nodePort needs the type NodePort: Kubernetes refuses it on a ClusterIP Service")
        return self


class Autoscaling(Model):
    """A HorizontalPodAutoscaler; targets are per cent of the requests (production.md#workloads)."""

    name: DnsLabel
    min_replicas: int = Field(ge=1)
    max_replicas: int = Field(ge=1)
    cpu_percent: int = Field(ge=1, le=100)
    memory_percent: int = Field(ge=1, le=100)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"minReplicas {self.min_replicas} is above maxReplicas {self.max_replicas}")
        return self


class WorkloadSettings(Model):
    """What differs between networks for one workload of the catalogue."""

    replicas: int = Field(ge=0, description="With autoscaling: the number before the autoscaler took over.")
    resources: Resources
    autoscaling: Autoscaling | None = None
    service: ServiceSettings | None = None
    repository: Repository | None = None
    selector: Labels | None = Field(default=None, description="The live selector where it is not app=<name>.")
    service_account: DnsLabel | None = None
    api_server: bool = Field(default=False, description="It calls the Kubernetes API with its account's token.")
    env: dict[VariableName, str] = Field(
        default_factory=dict, description="Optional variables that only this network sets, such as EMAIL_ENABLED."
    )
    secret_env: dict[VariableName, SecretRef] = Field(
        default_factory=dict, description="The same from Secrets that exist in the namespace, such as RESEND_API_KEY."
    )


class Minio(Model):
    """MinIO on this network (production.md#minio)."""

    kind: Literal["StatefulSet", "Deployment"] = "StatefulSet"
    storage: Quantity
    bucket: BucketName = "gx-voice-messages"
    resources: Resources
    noncurrent_days: int = Field(default=7, ge=1, description="Days that replaced or deleted versions are kept.")


class Offsite(Model):
    """The bucket outside the cluster that the newest snapshot is copied to.

    Its key pair is encrypted configuration (`offsiteAccessKeyId`, `offsiteSecretAccessKey`): it may write, list and
    read, never delete.
    """

    endpoint: HttpsUrl
    bucket: BucketName
    prefix: str = Field(
        default="", pattern=r"^([A-Za-z0-9_.-]+/)*$", description="What every name begins with; ends in a slash."
    )
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    schedule: Cron


class BackupSettings(Model):
    """The MinIO backup (production.md#backup)."""

    schedule: Cron
    retention_days: int = Field(ge=1)
    keep_least: int = Field(
        default=4, ge=1, le=100, description="So many complete snapshots stay, however old: a day of six-hourly ones."
    )
    storage: Quantity
    resources: Resources
    deadline_minutes: int = Field(default=60, ge=5, description="A run that takes longer ends as failed.")
    drill_schedule: Cron
    free_floor: Quantity = Field(
        default="10Gi", description="What must stay free on the node's disk, which etcd shares (takeover.md 10)."
    )
    max_shrink_percent: int = Field(
        default=30,
        ge=1,
        le=99,
        description="A bucket with more of its objects or bytes gone or overwritten is not copied.",
    )
    accepted_shrink: Stamp | None = Field(
        default=None,
        description="The snapshot after which a larger loss, or a longer time, is accepted: somebody has looked.",
    )
    offsite: Offsite | None = Field(default=None, description="Without it source and copy lie on one disk.")


class Promotion(Model):
    """Where a network's versions come from (production.md#promotion-and-readiness): never past one, never back."""

    source: DnsLabel | None = Field(
        default=None, alias="from", description="The network before; the first of the chain has none."
    )
    soak_hours: int = Field(
        default=24, ge=0, le=720, description="How long a set must have run there. Only `gx promote` looks at a clock."
    )


class ExternalWorkloadSettings(Model):
    """An external workload in the namespace that the program does not own: only what quota and references need."""

    replicas: int = Field(ge=0)
    resources: Resources | None = Field(default=None, description="Unknown ones count as the LimitRange's defaults.")
    services: tuple[DnsLabel, ...] = ()
    persistent_volume_claims: int = Field(default=0, ge=0)


class StackFile(Model):
    """Everything that the stack file says in clear text; secrets are read apart and never enter this model.

    Keys that a stack file may leave out have their default in `Pulumi.yaml`, where the engine reads it too.
    """

    environment: NetworkEnvironment
    cluster_uid: Uid
    kube_context: str
    zone: ZoneName
    registry: Registry
    namespace_labels: NamespaceLabels
    feature_gates: tuple[FeatureGate, ...]
    managed_components: tuple[ManagedComponent, ...]
    nodes: tuple[Node, ...] = Field(min_length=1)
    scheduling: Scheduling
    quota: Quota
    limit_range: LimitRange
    redis: SecretRef
    adopt: bool
    local: bool
    fabric_enabled: bool
    projection_lag_threshold_ms: int = Field(gt=0)
    workloads: dict[str, WorkloadSettings]
    minio: Minio
    backup: BackupSettings
    jobs: Resources
    ingress: Ingress
    cloudflare: Cloudflare
    dns: Dns
    edge: Edge
    monitoring: Monitoring
    promotion: Promotion
    test_users: bool
    external_workloads: dict[str, ExternalWorkloadSettings]
    secret_epochs: dict[str, Epoch]
    retired_epochs: dict[str, Epoch]
    unconfirmed: dict[str, str]

    @property
    def production(self) -> bool:
        """Whether real users' data lives here."""
        return self.environment is NetworkEnvironment.PRODUCTION

    def epoch(self, secret: str) -> int:
        """Return the rotation epoch of a generated secret; raising it makes a new value."""
        return self.secret_epochs.get(secret, 1)
