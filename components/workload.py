"""Workload: one way to run a service of the catalogue, used eleven times."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import ContainerArgsDict, EnvVarArgsDict, VolumeArgsDict, VolumeMountArgsDict

from components.base import GxArgs, GxComponent
from components.pods import (
    http_probe,
    pod_spec,
    resources,
    restricted_container,
    scratch,
    secret_env,
    spread_over_nodes,
)
from gx.catalogue.model import FieldPath, Metrics, Role, SecretKey, ServiceUrl
from gx.catalogue.model import Workload as Shape
from gx.catalogue.ports import port_names, service_of, service_url
from gx.labels import CONFIG_CHECKSUM, SKIP_AWAIT, Tier, scrape_annotations
from gx.settings.model import ServicePort
from gx.steps import Step

DRAIN_SECONDS = 10  # endpoints and the ingress controller learn of a stopping pod within this time


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs(GxArgs):
    """What one workload of the catalogue needs.

    Attributes:
        shape: The workload's entry in the catalogue.
        contents: What ConfigMaps and Secrets hold, by "name/key". A change rolls the pods that read it, no others.
        environment: Variables that replace the catalogue's of the same name.
    """

    shape: Shape
    contents: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    environment: Mapping[str, SecretKey] = field(default_factory=dict[str, SecretKey])


class Workload(GxComponent):
    """One Deployment with its Service; where asked for, an autoscaler, a disruption budget and a Secret.

    Token: gx:workload:Workload. Does not create ServiceAccounts, ConfigMaps or policies: those belong to the
    Environment and to NetworkPolicies.
    """

    TOKEN: ClassVar[str] = "gx:workload:Workload"

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        site = args.site
        self._shape, self._args = args.shape, args
        self._numbers = site.settings.numbers(args.shape.name)
        self._app = {"app": args.shape.name}
        self._selector = dict(self._numbers.selector or self._app)
        read = self._read({**args.contents, **self._generate()})
        spec: k8s.apps.v1.DeploymentSpecArgsDict = {
            "selector": {"match_labels": self._selector},
            "strategy": self._strategy(),
            "template": {
                "metadata": {
                    "labels": self._pod_labels(),
                    "annotations": {**self._scrape(), CONFIG_CHECKSUM: site.checksum(read)},
                },
                "spec": self._pod(),
            },
        }
        if not self._numbers.autoscaling:  # an autoscaler owns the number
            spec["replicas"] = site.settings.replicas(args.shape.name, worker=args.shape.role is Role.WORKER)
        self.deployment = k8s.apps.v1.Deployment(
            args.shape.name,
            metadata=site.metadata(
                args.shape.name, args.shape.part_of, labels=self._live_labels(), annotations=self._await()
            ),
            spec=spec,
            opts=self.child("Deployment", args.shape.name, depends_on=args.wait_for),
        )
        self.service = self._service()
        if self._numbers.autoscaling:
            self._autoscale()
        if self._minimum() > 1:
            self._budget()
        self.register_outputs({"service": self.service.metadata.apply(lambda metadata: metadata.name)})

    def _minimum(self) -> int:
        scaling = self._numbers.autoscaling
        return scaling.min_replicas if scaling else self._numbers.replicas

    def _strategy(self) -> k8s.apps.v1.DeploymentStrategyArgsDict:
        if self._shape.recreate:
            return {"type": "Recreate"}
        return {"type": "RollingUpdate", "rolling_update": {"max_surge": 1, "max_unavailable": 0}}

    def _live_labels(self) -> dict[str, str]:
        labels = {**self._app, **self._shape.labels}
        if self._shape.tier is not None:
            on = self.site.settings.has(Step.TIER_API_LABELS) and self._shape.exposed
            labels["tier"] = (Tier.API if on else self._shape.tier).value
        return labels

    def _pod_labels(self) -> dict[str, str]:
        own = {**self._live_labels(), **self._selector}
        return self.site.pod_labels(self._shape.name, self._shape.part_of, own)

    def _await(self) -> dict[str, str]:
        return {} if self._shape.await_ready else {SKIP_AWAIT: "true"}

    def _scrape(self) -> dict[str, str]:
        metrics: Metrics | None = self._shape.metrics
        if metrics is None or not metrics.by_annotation:
            return {}
        return scrape_annotations(self._shape.ports[metrics.port], metrics.path)

    def _generate(self) -> dict[str, pulumi.Input[str]]:
        """Create the Secrets of values that only this workload needs; return what the pods read from them."""
        made: dict[str, pulumi.Input[str]] = {}
        for wanted in self._shape.generated:
            value = self.generated(
                wanted.override, length=wanted.length, override=wanted.override, epoch=wanted.override
            )
            k8s.core.v1.Secret(
                wanted.secret,
                metadata=self.site.metadata(wanted.secret, self._shape.part_of),
                string_data={wanted.key: value},
                opts=self.child("Secret", wanted.secret),
            )
            made[f"{wanted.secret}/{wanted.key}"] = value
        return made

    def _read(self, contents: Mapping[str, pulumi.Input[str]]) -> dict[str, pulumi.Input[str]]:
        """Return the part of the contents that this workload's containers read."""
        values = {**self._shape.env, **self._args.environment}.values()
        keys = {f"{value.secret}/{value.key}" for value in values if isinstance(value, SecretKey)}
        return {
            place: content
            for place, content in contents.items()
            if place in keys or place.split("/")[0] in self._shape.env_from
        }

    def _environment(self) -> list[EnvVarArgsDict]:
        settings, numbers = self.site.settings, self._numbers
        env: list[EnvVarArgsDict] = []
        own = {name: SecretKey(ref.secret, ref.key) for name, ref in numbers.secret_env.items()}
        for name, value in {**self._shape.env, **self._args.environment, **numbers.env, **own}.items():
            match value:
                case SecretKey(secret, key):
                    env.append(secret_env(name, secret, key))
                case FieldPath(path):
                    env.append({"name": name, "value_from": {"field_ref": {"field_path": path}}})
                case ServiceUrl(workload):
                    env.append({"name": name, "value": service_url(settings, workload)})
                case str():
                    env.append({"name": name, "value": value})
                case _:
                    env.append({"name": name, "value": value(settings.network)})
        return env

    def _pod(self) -> k8s.core.v1.PodSpecArgsDict:
        shape, settings = self._shape, self.site.settings
        volumes, mounts = scratch(shape.scratch)
        for mount in shape.mounts:
            volumes.append(_secret_volume(mount.secret))
            mounts.extend(_read_only(mount.secret, path) for path in mount.paths)
        container: ContainerArgsDict = {
            "name": shape.name,
            "image": settings.image(shape.name),
            "image_pull_policy": "IfNotPresent",
            "ports": [{"name": name, "container_port": port} for name, port in shape.ports.items()],
            "env": self._environment(),
            "resources": resources(self._numbers.resources),
            "startup_probe": http_probe(shape.probes.startup, shape.probes.port),
            "readiness_probe": http_probe(shape.probes.readiness, shape.probes.port),
            "liveness_probe": http_probe(shape.probes.liveness, shape.probes.port),
            "security_context": restricted_container(),
            "volume_mounts": mounts,
        }
        if shape.env_from:
            container["env_from"] = [{"config_map_ref": {"name": name}} for name in shape.env_from]
        if shape.exposed:
            container["lifecycle"] = {"pre_stop": {"sleep": {"seconds": DRAIN_SECONDS}}}
        spec = pod_spec(
            settings.stack.scheduling,
            service_account=self._numbers.service_account or shape.service_account,
            containers=[container],
            volumes=volumes,
            grace_seconds=shape.grace_seconds,
            token=self._numbers.api_server,
        )
        if self._minimum() > 1:
            spread_over_nodes(spec, self._selector)
        return spec

    def _service(self) -> k8s.core.v1.Service:
        service = service_of(self.site.settings, self._shape)
        return k8s.core.v1.Service(
            self._shape.service,
            metadata=self.site.metadata(
                self._shape.service,
                self._shape.part_of,
                labels={**self._app, **self._shape.labels},
                # A Service is awaited until pods answer, and holds one of the engine's slots (four per core) while it
                # waits: eleven of them on two cores would keep their own Deployments from ever starting.
                annotations={SKIP_AWAIT: "true"},
                app=self._shape.name,
            ),
            spec={
                "type": service.type,
                "selector": self._selector,
                "ports": [
                    self._port(name, port) for name, port in zip(port_names(service.ports), service.ports, strict=True)
                ],
            },
            opts=self.child("Service", self._shape.service),
        )

    def _port(self, name: str, port: ServicePort) -> k8s.core.v1.ServicePortArgsDict:
        named = self.site.settings.has(Step.NAMED_TARGET_PORTS)
        wanted: k8s.core.v1.ServicePortArgsDict = {
            "name": name,
            "port": port.port,
            "target_port": port.target if named else self._shape.ports[port.target],
            "protocol": "TCP",
        }
        if port.node_port is not None:
            wanted["node_port"] = port.node_port
        return wanted

    def _autoscale(self) -> None:
        scaling = self._numbers.autoscaling
        assert scaling is not None
        targets = {"cpu": scaling.cpu_percent, "memory": scaling.memory_percent}
        k8s.autoscaling.v2.HorizontalPodAutoscaler(
            scaling.name,
            metadata=self.site.metadata(scaling.name, self._shape.part_of, app=self._shape.name),
            spec={
                "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": self._shape.name},
                "min_replicas": scaling.min_replicas,
                "max_replicas": scaling.max_replicas,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": name, "target": {"type": "Utilization", "average_utilization": percent}},
                    }
                    for name, percent in targets.items()
                ],
                "behavior": {  # production.md 2: double or add 2 a minute; halve or drop 1, after 5 quiet minutes
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
            opts=self.child("HorizontalPodAutoscaler", scaling.name),
        )

    def _budget(self) -> None:
        """One pod at a time may be evicted; a pod that is not ready never blocks a drain."""
        k8s.policy.v1.PodDisruptionBudget(
            self._shape.name,
            metadata=self.site.metadata(self._shape.name, self._shape.part_of),
            spec={
                "max_unavailable": 1,
                "unhealthy_pod_eviction_policy": "AlwaysAllow",
                "selector": {"match_labels": self._selector},
            },
            opts=self.child("PodDisruptionBudget", self._shape.name),
        )


def _secret_volume(secret: str) -> VolumeArgsDict:
    return {"name": secret, "secret": {"secret_name": secret, "default_mode": 0o400}}


def _read_only(secret: str, path: str) -> VolumeMountArgsDict:
    return {"name": secret, "mount_path": path, "read_only": True}
