"""Workload: one way to run a service of the platform, used eleven times."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import ContainerArgsDict, EnvVarArgsDict, VolumeArgsDict, VolumeMountArgsDict

from common.labels import CONFIG_CHECKSUM, SKIP_AWAIT, PartOf, component_labels, scrape_annotations
from components.arguments import ProbeArgs, ResourcesArgs, SchedulingArgs, VariableArgs
from components.base import GxComponent, checksum, metadata
from components.pods import (
    contents,
    http_probe,
    pod_spec,
    resources,
    restricted_container,
    scratch,
    secret_env,
    spread_over_nodes,
)

DRAIN_SECONDS = 10  # endpoints and the ingress controller learn of a stopping pod within this time


class ProbesArgs(TypedDict):
    """The three probes of a container, of one port."""

    port: str
    startup: ProbeArgs
    readiness: ProbeArgs
    liveness: ProbeArgs


class ServicePortArgs(TypedDict):
    """A port of a Service."""

    port: int
    target: str
    """Name of the container's port."""
    node_port: NotRequired[int]


class ServiceArgs(TypedDict):
    """The Service of a workload."""

    name: str
    type: str
    ports: Sequence[ServicePortArgs]


class MetricsArgs(TypedDict):
    """Where Prometheus reads a workload by the pod's annotations."""

    port: int
    path: str


class SecretMountArgs(TypedDict):
    """A Secret mounted as files, readable by the pod's group only."""

    secret: str
    paths: Sequence[str]


class GeneratedSecretArgs(TypedDict):
    """A Secret of the workload's own with one random value."""

    secret: str
    key: str
    value_name: str
    """What the generated value is called."""
    epoch: int
    """Raised for a new value."""
    length: int
    """Letters and digits."""
    live: NotRequired[pulumi.Input[str]]
    """The value of a workload that is being taken over; generated where absent."""


class AutoscalingArgs(TypedDict):
    """When pods are added: above these shares of what they request."""

    name: str
    min_replicas: int
    max_replicas: int
    cpu_percent: int
    memory_percent: int


class WorkloadArgs(TypedDict):
    """What one workload needs."""

    namespace: pulumi.Input[str]
    part_of: PartOf
    """What somebody on call would be paged about."""
    image: str
    replicas: int
    """How many pods run; with an autoscaler it decides."""
    ports: Mapping[str, int]
    """Container ports by name."""
    service: ServiceArgs
    probes: ProbesArgs
    env: Mapping[str, VariableArgs]
    own_env: NotRequired[Mapping[str, VariableArgs]]
    """What one network says differently; pods do not roll when such a Secret changes."""
    env_from: NotRequired[Mapping[str, Mapping[str, str]]]
    """ConfigMaps whose keys become environment variables, with what they hold, as far as it is known."""
    mounts: NotRequired[Sequence[SecretMountArgs]]
    scratch: NotRequired[Sequence[str]]
    """Writable empty folders; everything else is read-only."""
    resources: ResourcesArgs
    scheduling: SchedulingArgs
    service_account: str
    checksum_key: pulumi.Input[str]
    """Key under which what the pods read is hashed, so that they roll when it changes."""
    selector: NotRequired[Mapping[str, str]]
    """Labels that select its pods, where it is not `app`."""
    labels: NotRequired[Mapping[str, str]]
    """Further labels of the Deployment and its pods."""
    service_labels: NotRequired[Mapping[str, str]]
    """Further labels of the Service."""
    autoscaling: NotRequired[AutoscalingArgs]
    generated: NotRequired[Sequence[GeneratedSecretArgs]]
    metrics: NotRequired[MetricsArgs]
    named_target_ports: NotRequired[bool]
    """Whether the Service reaches the container's ports by name."""
    drains: NotRequired[bool]
    """Whether it goes on for a moment while it stops, because an ingress controller sends it requests."""
    recreate: NotRequired[bool]
    """Whether two copies must never run at once."""
    grace_seconds: NotRequired[int]
    """Time to stop after SIGTERM."""
    api_token: NotRequired[bool]
    """Whether its pods call the API server."""
    skip_await: NotRequired[bool]
    """Whether an `up` must not wait for its pods (takeover.md 26)."""


class Workload(GxComponent):
    """One Deployment with its Service; where asked for, an autoscaler, a disruption budget and a Secret.

    Token: gx:workload:Workload. Does not create ServiceAccounts, ConfigMaps or policies: those belong to the
    Environment and to NetworkPolicies.
    """

    TOKEN = "gx:workload:Workload"
    service_name: pulumi.Output[str]
    """Name of its Service."""

    def __init__(
        self,
        name: str,
        args: WorkloadArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        wait_for: Sequence[pulumi.Resource] = (),
    ) -> None:
        super().__init__(name, opts)
        self._name, self._args = name, args
        self._app = {"app": name}
        self._selector = dict(args.get("selector", self._app))
        labels = {**self._app, **args.get("labels", {})}
        read = {**self._read(), **self._generate()}
        spec: k8s.apps.v1.DeploymentSpecArgsDict = {
            "selector": {"match_labels": self._selector},
            "strategy": self._strategy(),
            "template": {
                "metadata": {
                    "labels": {**component_labels(name, args["part_of"]), **labels, **self._selector},
                    "annotations": {**self._scrape(), CONFIG_CHECKSUM: checksum(args["checksum_key"], read)},
                },
                "spec": self._pod(),
            },
        }
        if "autoscaling" not in args:  # an autoscaler owns the number
            spec["replicas"] = args["replicas"]
        annotations = {SKIP_AWAIT: "true"} if args.get("skip_await") else None
        self.deployment = k8s.apps.v1.Deployment(
            name,
            metadata=self._metadata(name, labels=labels, annotations=annotations),
            spec=spec,
            opts=self.child(wait_for),
        )
        self.service = self._service()
        if "autoscaling" in args:
            self._autoscale(args["autoscaling"])
        if self._minimum() > 1:
            self._budget()
        self.service_name = self.service.metadata.apply(lambda found: str(found.name))
        self.register_outputs({"service": self.service_name})

    def _metadata(
        self, name: str, *, labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None
    ) -> k8s.meta.v1.ObjectMetaArgsDict:
        return metadata(
            name,
            self._args["part_of"],
            namespace=self._args["namespace"],
            app=self._name,
            labels=labels,
            annotations=annotations,
        )

    def _minimum(self) -> int:
        args = self._args
        return args["autoscaling"]["min_replicas"] if "autoscaling" in args else args["replicas"]

    def _strategy(self) -> k8s.apps.v1.DeploymentStrategyArgsDict:
        if self._args.get("recreate"):
            return {"type": "Recreate"}
        return {"type": "RollingUpdate", "rolling_update": {"max_surge": 1, "max_unavailable": 0}}

    def _scrape(self) -> dict[str, str]:
        metrics = self._args.get("metrics")
        return scrape_annotations(metrics["port"], metrics["path"]) if metrics else {}

    def _generate(self) -> dict[str, pulumi.Input[str]]:
        """Create the Secrets of values that only this workload needs; return what the pods read from them."""
        made: dict[str, pulumi.Input[str]] = {}
        for wanted in self._args.get("generated", ()):
            live = wanted.get("live")
            value = (
                pulumi.Output.secret(live)
                if live is not None
                else self.generated(
                    f"{wanted['value_name']}-{wanted['epoch']}",
                    network=self._args["namespace"],
                    length=wanted["length"],
                )
            )
            k8s.core.v1.Secret(
                wanted["secret"],
                metadata=metadata(wanted["secret"], self._args["part_of"], namespace=self._args["namespace"]),
                string_data={wanted["key"]: value},
                opts=self.child(),
            )
            made[f"{wanted['secret']}/{wanted['key']}"] = value
        return made

    def _read(self) -> dict[str, pulumi.Input[str]]:
        """Return what this workload's containers read of ConfigMaps and Secrets, by "name/key"."""
        read = contents(v["from_secret"] for v in self._args["env"].values() if "from_secret" in v)
        for name, data in self._args.get("env_from", {}).items():
            read.update({f"{name}/{key}": text for key, text in data.items()})
        return read

    def _environment(self) -> list[EnvVarArgsDict]:
        env: list[EnvVarArgsDict] = []
        for name, variable in {**self._args["env"], **self._args.get("own_env", {})}.items():
            if "from_secret" in variable:
                env.append(secret_env(name, variable["from_secret"]))
            elif "field_path" in variable:
                env.append({"name": name, "value_from": {"field_ref": {"field_path": variable["field_path"]}}})
            else:
                env.append({"name": name, "value": variable.get("value", "")})
        return env

    def _pod(self) -> k8s.core.v1.PodSpecArgsDict:
        args, probes = self._args, self._args["probes"]
        volumes, mounts = scratch(args.get("scratch", ("/tmp",)))  # noqa: S108 an emptyDir inside the pod
        for mount in args.get("mounts", ()):
            volumes.append(_secret_volume(mount["secret"]))
            mounts.extend(_read_only(mount["secret"], path) for path in mount["paths"])
        container: ContainerArgsDict = {
            "name": self._name,
            "image": args["image"],
            "image_pull_policy": "IfNotPresent",
            "ports": [{"name": name, "container_port": port} for name, port in args["ports"].items()],
            "env": self._environment(),
            "resources": resources(args["resources"]),
            "startup_probe": http_probe(probes["startup"], probes["port"]),
            "readiness_probe": http_probe(probes["readiness"], probes["port"]),
            "liveness_probe": http_probe(probes["liveness"], probes["port"]),
            "security_context": restricted_container(),
            "volume_mounts": mounts,
        }
        if args.get("env_from"):
            container["env_from"] = [{"config_map_ref": {"name": name}} for name in args.get("env_from", {})]
        if args.get("drains"):
            container["lifecycle"] = {"pre_stop": {"sleep": {"seconds": DRAIN_SECONDS}}}
        spec = pod_spec(
            args["scheduling"],
            service_account=args["service_account"],
            containers=[container],
            volumes=volumes,
            grace_seconds=args.get("grace_seconds", 30),
            token=args.get("api_token", False),
        )
        if self._minimum() > 1:
            spread_over_nodes(spec, self._selector)
        return spec

    def _service(self) -> k8s.core.v1.Service:
        service = self._args["service"]
        ports = service["ports"]
        return k8s.core.v1.Service(
            service["name"],
            metadata=self._metadata(
                service["name"],
                labels={**self._app, **self._args.get("service_labels", {})},
                # A Service is awaited until pods answer, and holds one of the engine's slots (four per core) while it
                # waits: eleven of them on two cores would keep their own Deployments from ever starting.
                annotations={SKIP_AWAIT: "true"},
            ),
            spec={
                "type": service["type"],
                "selector": self._selector,
                "ports": [self._port(name, port) for name, port in zip(_port_names(ports), ports, strict=True)],
            },
            opts=self.child(),
        )

    def _port(self, name: str, port: ServicePortArgs) -> k8s.core.v1.ServicePortArgsDict:
        named, target = self._args.get("named_target_ports"), port["target"]
        wanted: k8s.core.v1.ServicePortArgsDict = {
            "name": name,
            "port": port["port"],
            "target_port": target if named else self._args["ports"][target],
            "protocol": "TCP",
        }
        if "node_port" in port:
            wanted["node_port"] = port["node_port"]
        return wanted

    def _autoscale(self, scaling: AutoscalingArgs) -> None:
        targets = {"cpu": scaling["cpu_percent"], "memory": scaling["memory_percent"]}
        k8s.autoscaling.v2.HorizontalPodAutoscaler(
            scaling["name"],
            metadata=self._metadata(scaling["name"]),
            spec={
                "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": self._name},
                "min_replicas": scaling["min_replicas"],
                "max_replicas": scaling["max_replicas"],
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": name, "target": {"type": "Utilization", "average_utilization": percent}},
                    }
                    for name, percent in targets.items()
                ],
                # Double or add 2 a minute; halve or drop 1, after 5 quiet minutes (production.md#workloads).
                "behavior": {
                    "scale_up": {
                        "stabilization_window_seconds": 60,
                        "select_policy": "Max",
                        "policies": [
                            {"type": "Percent", "value": 100, "period_seconds": 60},
                            {"type": "Pods", "value": 2, "period_seconds": 60},
                        ],
                    },
                    "scale_down": {
                        "stabilization_window_seconds": 300,
                        "select_policy": "Min",
                        "policies": [
                            {"type": "Percent", "value": 50, "period_seconds": 60},
                            {"type": "Pods", "value": 1, "period_seconds": 60},
                        ],
                    },
                },
            },
            opts=self.child(),
        )

    def _budget(self) -> None:
        """One pod at a time may be evicted; a pod that is not ready never blocks a drain."""
        k8s.policy.v1.PodDisruptionBudget(
            self._name,
            metadata=self._metadata(self._name),
            spec={
                "max_unavailable": 1,
                "unhealthy_pod_eviction_policy": "AlwaysAllow",
                "selector": {"match_labels": self._selector},
            },
            opts=self.child(),
        )


def _port_names(ports: Sequence[ServicePortArgs]) -> list[str]:
    """Return a unique name per Service port: the target's, with the number for every further port to it."""
    seen: set[str] = set()
    names: list[str] = []
    for port in ports:
        target = port["target"]
        names.append(f"{target}-{port['port']}" if target in seen else target)
        seen.add(target)
    return names


def _secret_volume(secret: str) -> VolumeArgsDict:
    return {"name": secret, "secret": {"secret_name": secret, "default_mode": 0o400}}


def _read_only(secret: str, path: str) -> VolumeMountArgsDict:
    return {"name": secret, "mount_path": path, "read_only": True}
