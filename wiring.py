"""What components are told about one network: catalogue and settings as the arguments that they take."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import pulumi

from catalogue import CATALOGUE, MESSAGING
from catalogue.bucket import MINIO_USERS
from catalogue.external_workloads import EXTERNAL_WORKLOADS, FLOWS, Flow
from catalogue.feature_gates import FeatureGate
from catalogue.secrets import METRICS_USER, OFFSITE_PAIR, GeneratedSecret
from catalogue.workload_spec import (
    Dependency,
    FieldPath,
    Metrics,
    Probe,
    Role,
    Route,
    SecretKey,
    ServiceUrl,
    WorkloadSpec,
)
from common.cluster import INGRESS_CONTROLLERS
from common.labels import Tier
from common.naming import MINIO_CREDENTIALS
from components.arguments import (
    CredentialsArgs,
    ProbeArgs,
    ResourcesArgs,
    SchedulingArgs,
    SecretValueArgs,
    TolerationArgs,
    VariableArgs,
)
from components.backup_job import OffsiteArgs
from components.edge_proxy import EdgeProxyArgs
from components.ingress_routes import RouteArgs
from components.minio_storage import BucketUserArgs, MinioStorage
from components.network_policies import ExternalWorkloadArgs, FlowArgs, NetworkPoliciesArgs, PolicyWorkloadArgs
from components.workload import GeneratedSecretArgs, WorkloadArgs
from settings.edge import allowed_sources
from settings.fields import Resources
from settings.ports import http_service_port, service_of, service_url
from settings.settings import Settings

USED_EXTERNAL_WORKLOADS = {Dependency.DATABASE: "postgres", Dependency.REDIS: "redis", Dependency.CLAMAV: "clamav"}

Env = dict[str, VariableArgs]


def resources(given: Resources) -> ResourcesArgs:
    """Return what a container may use."""
    return {"requests": given.requests.model_dump(), "limits": given.limits.model_dump()}


def scheduling(settings: Settings) -> SchedulingArgs:
    """Return where the pods of a network run."""
    wanted = settings.stack.scheduling
    tolerations: list[TolerationArgs] = []
    for toleration in wanted.tolerations:
        one: TolerationArgs = {"key": toleration.key, "operator": toleration.operator, "effect": toleration.effect}
        if toleration.value is not None:
            one["value"] = toleration.value
        tolerations.append(one)
    return {"node_selector": dict(wanted.node_selector), "tolerations": tolerations}


def bucket_users(settings: Settings) -> list[BucketUserArgs]:
    """Return the users of the object store."""
    stack, bucket = settings.stack, settings.network.bucket
    return [
        {
            "purpose": user.purpose,
            "secret": user.pair.secret,
            "statements": [
                {"actions": actions, "resources": allowed} if allowed else {"actions": actions}
                for actions, allowed in user.allows(bucket)
            ],
            "epoch_name": user.pair.name,
            "epoch": stack.epoch(user.pair.name),
            "retired": stack.retired_epochs.get(user.pair.name, 0),
            "metrics": user.pair is METRICS_USER,
        }
        for user in MINIO_USERS
    ]


def credentials(storage: MinioStorage | None, purpose: str | None) -> Mapping[str, SecretValueArgs]:
    """Return the S3 variables of a user, or of the root pair where no purpose is given.

    Args:
        storage: The object store; None while the stack does not manage it: its Secrets are there all the same.
        purpose: What the user is for.
    """
    if storage is not None:
        return storage.root_credentials if purpose is None else storage.credentials[purpose]
    secret = next((user.pair.secret for user in MINIO_USERS if user.purpose == purpose), MINIO_CREDENTIALS)
    return {key: {"secret": secret, "key": key} for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}


def key_pair(settings: Settings, access_key: str, secret_key: str) -> CredentialsArgs | None:
    """Return a pair of encrypted settings, where they are set."""
    secrets = settings.secrets
    if access_key not in secrets:
        return None
    return {"access_key": secrets[access_key], "secret_key": secrets[secret_key]}


def offsite(settings: Settings) -> OffsiteArgs | None:
    """Return the bucket outside the cluster, where a network has one."""
    bucket = settings.stack.backup.offsite
    pair = key_pair(settings, *OFFSITE_PAIR)
    if bucket is None or pair is None:
        return None
    made: OffsiteArgs = {
        "endpoint": bucket.endpoint,
        "region": bucket.region,
        "bucket": bucket.bucket,
        "prefix": bucket.prefix,
        "schedule": bucket.schedule,
        "credentials": pair,
    }
    if "offsiteAgeIdentity" in settings.secrets:
        made["age_identity"] = settings.secrets["offsiteAgeIdentity"]
    return made


def edge_proxy(settings: Settings, namespace: pulumi.Input[str]) -> EdgeProxyArgs:
    """Return what the proxy on the nodes' public ports needs.

    Args:
        settings: The settings of the network.
        namespace: The namespace that is made for it.
    """
    edge, controller = settings.stack.edge, INGRESS_CONTROLLERS[settings.stack.ingress.controller]
    return {
        "namespace": namespace,
        "image": settings.platform_image("haproxy"),
        "controller": {
            "namespace": controller.namespace,
            "service": controller.service,
            "pod_ports": controller.pod_ports,
            "address": str(edge.controller_address or ""),
        },
        "sources": allowed_sources(settings),
        "proxy_protocol": edge.proxy_protocol,
        "max_connections": edge.max_connections,
        "max_connections_per_source": edge.max_connections_per_source,
        "resources": resources(edge.resources),
        "scheduling": scheduling(settings),
    }


def routes(settings: Settings, paths: Sequence[tuple[WorkloadSpec, Route]]) -> list[RouteArgs]:
    """Return public paths with the Service ports behind them."""
    return [
        {
            "path": route.path,
            "service": spec.service,
            "port": http_service_port(settings, spec.name),
            "exact": route.exact,
            "sticky": route.sticky,
        }
        for spec, route in paths
    ]


def workload(
    settings: Settings,
    spec: WorkloadSpec,
    *,
    namespace: pulumi.Input[str],
    checksum_key: pulumi.Input[str],
    secrets: Mapping[str, SecretValueArgs],
    config_maps: Mapping[str, Mapping[str, str]],
) -> WorkloadArgs:
    """Return what one workload of the catalogue needs on a network.

    Args:
        settings: The settings of the network.
        spec: The workload.
        namespace: Where it runs.
        checksum_key: Key under which what its pods read is hashed.
        secrets: What Secrets hold, by "name/key", as far as it is known.
        config_maps: What ConfigMaps hold.
    """
    configured, probes, service = settings.workload(spec.name), spec.probes, service_of(settings, spec)
    made: WorkloadArgs = {
        "namespace": namespace,
        "part_of": spec.part_of,
        "image": settings.image(spec.name),
        "replicas": settings.replicas(spec.name, worker=spec.role is Role.WORKER),
        "ports": spec.ports,
        "service": {
            "name": spec.service,
            "type": service.type,
            "ports": [
                {"port": port.port, "target": port.target}
                if port.node_port is None
                else {"port": port.port, "target": port.target, "node_port": port.node_port}
                for port in service.ports
            ],
        },
        "probes": {
            "port": probes.port,
            "startup": _probe(probes.startup),
            "readiness": _probe(probes.readiness),
            "liveness": _probe(probes.liveness),
        },
        "env": _environment(settings, spec, secrets),
        "own_env": {
            **{name: VariableArgs(value=text) for name, text in configured.env.items()},
            **{
                name: VariableArgs(from_secret={"secret": ref.secret, "key": ref.key})
                for name, ref in configured.secret_env.items()
            },
        },
        "env_from": {name: config_maps.get(name, {}) for name in spec.env_from},
        "mounts": [{"secret": mount.secret, "paths": mount.paths} for mount in spec.mounts],
        "scratch": spec.scratch,
        "resources": resources(configured.resources),
        "scheduling": scheduling(settings),
        "service_account": configured.service_account or spec.service_account,
        "checksum_key": checksum_key,
        "labels": _labels(settings, spec),
        "service_labels": spec.labels,
        "generated": [_generated(settings, wanted) for wanted in spec.generated],
        "named_target_ports": settings.has(FeatureGate.NAMED_TARGET_PORTS),
        "drains": spec.exposed,
        "recreate": spec.recreate,
        "grace_seconds": spec.grace_seconds,
        "api_token": configured.api_server,
        "skip_await": not spec.await_ready,
    }
    if configured.selector:
        made["selector"] = configured.selector
    metrics: Metrics | None = spec.metrics
    if metrics is not None and metrics.by_annotation:
        made["metrics"] = {"port": spec.ports[metrics.port], "path": metrics.path}
    if scaling := configured.autoscaling:
        made["autoscaling"] = {
            "name": scaling.name,
            "min_replicas": scaling.min_replicas,
            "max_replicas": scaling.max_replicas,
            "cpu_percent": scaling.cpu_percent,
            "memory_percent": scaling.memory_percent,
        }
    return made


def _probe(probe: Probe) -> ProbeArgs:
    return {
        "path": probe.path,
        "delay": probe.delay,
        "period": probe.period,
        "timeout": probe.timeout,
        "failures": probe.failures,
    }


def _labels(settings: Settings, spec: WorkloadSpec) -> dict[str, str]:
    labels = dict(spec.labels)
    if spec.tier is not None:
        is_api = settings.has(FeatureGate.TIER_API_LABELS) and spec.exposed
        labels["tier"] = (Tier.API if is_api else spec.tier).value
    return labels


def _generated(settings: Settings, wanted: GeneratedSecret) -> GeneratedSecretArgs:
    made: GeneratedSecretArgs = {
        "secret": wanted.secret,
        "key": wanted.key,
        "value_name": wanted.name,
        "epoch": settings.stack.epoch(wanted.name),
        "length": wanted.length,
    }
    live = settings.secrets.get(wanted.name)
    if live is not None:
        made["live"] = live
    return made


def _environment(settings: Settings, spec: WorkloadSpec, secrets: Mapping[str, SecretValueArgs]) -> Env:
    env: Env = {}
    for name, value in spec.env.items():
        match value:
            case SecretKey(secret, key):
                env[name] = {"from_secret": secrets.get(f"{secret}/{key}", {"secret": secret, "key": key})}
            case FieldPath(path):
                env[name] = {"field_path": path}
            case ServiceUrl(other):
                env[name] = {"value": service_url(settings, other)}
            case str():
                env[name] = {"value": value}
            case _:
                env[name] = {"value": value(settings.network)}
    return env


def network_policies(settings: Settings, namespace: pulumi.Input[str]) -> NetworkPoliciesArgs:
    """Return who is in a network's namespace, and who talks to whom.

    Args:
        settings: The settings of the network.
        namespace: The namespace.
    """
    # While Traefik takes over, what still comes through ingress-nginx must arrive as well.
    controllers = dict.fromkeys((settings.stack.ingress.controller, "nginx"))
    externals: dict[str, ExternalWorkloadArgs] = {
        name: {"labels": EXTERNAL_WORKLOADS[name].labels, "ports": EXTERNAL_WORKLOADS[name].ports}
        for name in settings.stack.external_workloads
        if EXTERNAL_WORKLOADS[name].labels
    }
    postgres = EXTERNAL_WORKLOADS["postgres"]
    made: NetworkPoliciesArgs = {
        "namespace": namespace,
        "workloads": {name: _policy_workload(settings, spec) for name, spec in settings.workloads.items()},
        "external_workloads": externals,
        "database": {"labels": postgres.labels, "ports": postgres.ports},
        "flows": [_flow(flow) for flow in FLOWS if _is_here(flow, externals, settings.workloads)],
        "controller_namespaces": [INGRESS_CONTROLLERS[name].namespace for name in controllers],
        "fabric_namespace": settings.network.fabric_namespace,
        "messaging": MESSAGING.name,
        "test_users": settings.stack.test_users,
    }
    if offsite := settings.stack.backup.offsite:
        made["offsite_port"] = urlsplit(offsite.endpoint).port or 443
    return made


def _policy_workload(settings: Settings, spec: WorkloadSpec) -> PolicyWorkloadArgs:
    configured, needs = settings.workload(spec.name), spec.depends_on
    made: PolicyWorkloadArgs = {
        "selector": dict(configured.selector or {"app": spec.name}),
        "http_port": spec.ports.get("http", 0),
        "exposed": spec.exposed,
        "calls": spec.calls,
        "uses": [name for dependency, name in USED_EXTERNAL_WORKLOADS.items() if dependency in needs],
        "minio": Dependency.MINIO in needs,
        "fabric": Dependency.FABRIC in needs,
        "internet": Dependency.EXTERNAL_HTTPS in needs,
        "api_server": configured.api_server,
    }
    if spec.metrics:
        made["metrics_port"] = spec.ports[spec.metrics.port]
    return made


def _flow(flow: Flow) -> FlowArgs:
    return {"source": flow.source, "target": flow.target, "ports": flow.ports}


def _is_here(flow: Flow, externals: Mapping[str, object], workloads: Mapping[str, object]) -> bool:
    """Whether both sides of a flow are on this network; what is neither an external workload nor ours is everywhere."""
    return all(
        (party not in EXTERNAL_WORKLOADS and party not in CATALOGUE) or party in externals or party in workloads
        for party in (flow.source, flow.target)
    )
