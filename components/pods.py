"""Parts of pods that satisfy Pod Security "restricted": typed dicts, nothing is registered here."""

from collections.abc import Iterable, Mapping, Sequence

import pulumi
from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    EnvVarArgsDict,
    PodSecurityContextArgsDict,
    PodSpecArgsDict,
    ProbeArgsDict,
    ResourceRequirementsArgsDict,
    SecurityContextArgsDict,
    TolerationArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

from components.arguments import ProbeArgs, ResourcesArgs, SchedulingArgs, SecretValueArgs

POD_USER = 1000  # API services run as 1000, their files are world-readable (production.md#workloads)


def resources(given: ResourcesArgs) -> ResourceRequirementsArgsDict:
    """Return a container's requests and limits."""
    return {"requests": dict(given["requests"]), "limits": dict(given["limits"])}


def restricted_container() -> SecurityContextArgsDict:
    """Return the security context of every container: no privilege, no capability, read-only root."""
    return {
        "allow_privilege_escalation": False,
        "read_only_root_filesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def restricted_pod(user: int = POD_USER) -> PodSecurityContextArgsDict:
    """Return the security context of a pod: a plain user whose group may read mounted Secrets."""
    return {
        "run_as_non_root": True,
        "run_as_user": user,
        "run_as_group": user,
        "fs_group": user,
        "fs_group_change_policy": "OnRootMismatch",
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def http_probe(probe: ProbeArgs, port: str) -> ProbeArgsDict:
    """Return an HTTP probe of a named port."""
    return {
        "http_get": {"path": probe["path"], "port": port},
        "initial_delay_seconds": probe["delay"],
        "period_seconds": probe["period"],
        "timeout_seconds": probe["timeout"],
        "failure_threshold": probe["failures"],
    }


def secret_env(name: str, value: SecretValueArgs) -> EnvVarArgsDict:
    """Return an environment variable that is read from a Secret."""
    return {"name": name, "value_from": {"secret_key_ref": {"name": value["secret"], "key": value["key"]}}}


def contents(values: Iterable[SecretValueArgs]) -> dict[str, pulumi.Input[str]]:
    """Return what Secrets hold, by "name/key", as far as it is known: what a pod's checksum is made of."""
    return {f"{value['secret']}/{value['key']}": value["content"] for value in values if "content" in value}


def plain_env(values: Mapping[str, str]) -> list[EnvVarArgsDict]:
    """Return environment variables with literal values; the API server drops an empty one, so it is not written."""
    return [{"name": name, "value": value} if value else {"name": name} for name, value in values.items()]


def scratch(paths: Sequence[str], size_limit: str = "256Mi") -> tuple[list[VolumeArgsDict], list[VolumeMountArgsDict]]:
    """Return bounded empty folders for a read-only root: volumes and their mounts."""
    volumes: list[VolumeArgsDict] = []
    mounts: list[VolumeMountArgsDict] = []
    for path in paths:
        name = path.strip("/").replace("/", "-").replace(".", "").replace("_", "-")
        volumes.append({"name": name, "empty_dir": {"size_limit": size_limit}})
        mounts.append({"name": name, "mount_path": path})
    return volumes, mounts


def tolerations(scheduling: SchedulingArgs) -> list[TolerationArgsDict]:
    """Return the tolerations of pods."""
    wanted: list[TolerationArgsDict] = []
    for toleration in scheduling.get("tolerations", ()):
        one: TolerationArgsDict = {
            "key": toleration["key"],
            "operator": toleration["operator"],
            "effect": toleration["effect"],
        }
        if "value" in toleration:
            one["value"] = toleration["value"]
        wanted.append(one)
    return wanted


def pod_spec(
    scheduling: SchedulingArgs,
    *,
    service_account: str,
    containers: Sequence[ContainerArgsDict],
    volumes: Sequence[VolumeArgsDict] = (),
    security: PodSecurityContextArgsDict | None = None,
    grace_seconds: int = 30,
    restart_policy: str = "Always",
    token: bool = False,
) -> PodSpecArgsDict:
    """Return a pod: on the nodes that it may run on, without an API token unless it calls the API server."""
    spec: PodSpecArgsDict = {
        "service_account_name": service_account,
        "automount_service_account_token": token,
        "security_context": restricted_pod() if security is None else security,
        "node_selector": dict(scheduling["node_selector"]),
        "termination_grace_period_seconds": grace_seconds,
        "restart_policy": restart_policy,
        "containers": list(containers),
        "volumes": list(volumes),
    }
    if scheduling.get("tolerations"):
        spec["tolerations"] = tolerations(scheduling)
    return spec


def spread_over_nodes(spec: PodSpecArgsDict, selector: Mapping[str, pulumi.Input[str]]) -> None:
    """Prefer different nodes for the replicas; a single node must still be able to hold them all."""
    spec["topology_spread_constraints"] = [
        {
            "max_skew": 1,
            "topology_key": "kubernetes.io/hostname",
            "when_unsatisfiable": "ScheduleAnyway",
            "label_selector": {"match_labels": dict(selector)},
        }
    ]
