"""The spec of a workload. Figures that differ between networks are in the stack files, not here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique

from catalogue.secrets import GeneratedSecret
from common.labels import PartOf, Tier
from common.naming import Network


@unique
class Role(StrEnum):
    """What a workload is for the rest of the program: its live label `component` (production.md#workloads)."""

    API = "api"
    WORKER = "worker"
    FRONTEND = "frontend"


@unique
class Dependency(StrEnum):
    """What a workload reaches beside other workloads; each one becomes an egress rule."""

    DATABASE = "database"
    REDIS = "redis"
    MINIO = "minio"
    FABRIC = "fabric"
    CLAMAV = "clamav"
    EXTERNAL_HTTPS = "external-https"


@dataclass(frozen=True)
class SecretKey:
    """A value that the container reads from one key of a Secret."""

    secret: str
    key: str


@dataclass(frozen=True)
class FieldPath:
    """A value that Kubernetes takes from the pod itself."""

    path: str


@dataclass(frozen=True)
class ServiceUrl:
    """The in-cluster URL of another workload, with the port that its Service really has on this network."""

    workload: str


EnvValue = str | SecretKey | FieldPath | ServiceUrl | Callable[[Network], str]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One HTTP probe; times are seconds.

    Attributes:
        path: The path that is asked.
        delay: Seconds after the container's start before the first try.
        period: Seconds between tries.
        timeout: Seconds until a try counts as failed.
        failures: Failed tries in a row until Kubernetes acts.
        reason: Why these timings.
    """

    path: str
    delay: int
    period: int
    timeout: int
    failures: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Probes:
    """The three probes that every container has; all ask `port`."""

    port: str
    startup: Probe
    readiness: Probe
    liveness: Probe


@dataclass(frozen=True)
class Metrics:
    """Where Prometheus reads a workload.

    Attributes:
        port: Name of the container port.
        by_annotation: False where a Service-based scrape job exists already; both would count everything twice.
        path: HTTP path.
    """

    port: str
    by_annotation: bool = True
    path: str = "/metrics"


@dataclass(frozen=True, kw_only=True)
class SecretMount:
    """A Secret mounted as files, readable by the pod's group only."""

    secret: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Route:
    """A public path of a workload.

    Attributes:
        path: The path, a prefix unless `exact`.
        exact: Whether nothing below it is served.
        sticky: Whether a client must meet the same replica again.
    """

    path: str
    exact: bool = False
    sticky: bool = False


@dataclass(frozen=True, kw_only=True)
class WorkloadSpec:
    """One Deployment with its Service: everything that is the same on every network.

    Attributes:
        name: Name of the Deployment, its container and its `app` label.
        purpose: What it is for, in about three words.
        role: Its place in the platform.
        part_of: The owning subsystem, used for alert routing.
        ports: Container ports by name.
        service: Name of its Service.
        service_ports: Default Service ports: port number by container port name. A stack file may say otherwise.
        probes: Startup, readiness and liveness.
        env: Environment variables by name.
        env_from: ConfigMaps whose keys become environment variables.
        mounts: Secrets mounted as files.
        scratch: Writable empty folders; everything else is read-only.
        metrics: Where Prometheus reads it, if it exports metrics.
        service_account: The ServiceAccount of its pods.
        recreate: True where two copies must never run at once.
        grace_seconds: Time to stop after SIGTERM.
        depends_on: What it reaches beside workloads.
        calls: Workloads whose `http` port it may reach.
        tier: The live label `tier`; None where the live pods carry none.
        labels: Further live labels of its pods.
        api_routes: Public paths on the API host.
        wallet_routes: Public paths on the wallet host.
        generated: Random values that it needs.
        await_ready: False where an `up` must not wait for its pods (takeover.md 26).
    """

    name: str
    purpose: str
    role: Role
    part_of: PartOf
    ports: Mapping[str, int]
    service: str
    service_ports: Mapping[str, int]
    probes: Probes
    env: Mapping[str, EnvValue]
    service_account: str
    env_from: tuple[str, ...] = ()
    mounts: tuple[SecretMount, ...] = ()
    scratch: tuple[str, ...] = ("/tmp",)  # noqa: S108 an emptyDir inside the pod
    metrics: Metrics | None = None
    recreate: bool = False
    grace_seconds: int = 30
    depends_on: frozenset[Dependency] = frozenset()
    calls: tuple[str, ...] = ()
    tier: Tier | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    api_routes: tuple[Route, ...] = ()
    wallet_routes: tuple[Route, ...] = ()
    generated: tuple[GeneratedSecret, ...] = ()
    await_ready: bool = True

    @property
    def exposed(self) -> bool:
        """Whether the ingress controller reaches it."""
        return bool(self.api_routes or self.wallet_routes)

    @property
    def http_port(self) -> int:
        """The number of the container port called `http`."""
        return self.ports["http"]
