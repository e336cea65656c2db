"""Pods of the backup: one image, one volume; each run differs by its module and its variables."""

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict, VolumeMountArgsDict

from common.naming import BACKUP, BACKUP_PVC
from components.arguments import ResourcesArgs, SchedulingArgs, SecretValueArgs
from components.pods import plain_env, pod_spec, resources, restricted_container, scratch, secret_env

SCRATCH = "/tmp"  # noqa: S108 an emptyDir inside the pod; holds listings


@dataclass(frozen=True, kw_only=True)
class BackupRun:
    """What one pod of the backup does.

    Attributes:
        name: Name of its container.
        module: The module of `backup`, in the image, that it runs.
        env: Plain variables.
        secrets: Variables that are read from Secrets.
        scratch: Size limit of its scratch folder.
        volume: Whether it mounts the volume of snapshots.
        read_only: Whether it may only read there.
    """

    name: str
    module: str
    env: Mapping[str, str]
    secrets: Mapping[str, SecretValueArgs]
    scratch: str = "2Gi"
    volume: bool = True
    read_only: bool = False


def run_pod(
    run: BackupRun,
    *,
    image: str,
    given: ResourcesArgs,
    scheduling: SchedulingArgs,
    restart_policy: str = "Never",
    serving: ContainerArgsDict | None = None,
) -> PodSpecArgsDict:
    """Return the pod of a run: Pod Security restricted, no API token.

    Args:
        run: What it does.
        image: Image with the package `backup`.
        given: What its container may use.
        scheduling: Where it runs.
        restart_policy: "Always" for a pod that serves.
        serving: What a container that serves has beside: ports, probes, resources.
    """
    volumes, mounts = scratch((SCRATCH,), run.scratch)
    if run.volume:
        volumes.append({"name": "backups", "persistent_volume_claim": {"claim_name": BACKUP_PVC}})
        mount: VolumeMountArgsDict = {"name": "backups", "mount_path": "/backups"}
        mounts.append({**mount, "read_only": True} if run.read_only else mount)
    container: ContainerArgsDict = {
        "name": run.name,
        "image": image,
        "image_pull_policy": "IfNotPresent",
        "command": ["python3", "-m", f"backup.{run.module}"],
        "env": [
            *plain_env({"HOME": SCRATCH, **run.env}),
            *(secret_env(variable, ref) for variable, ref in run.secrets.items()),
        ],
        "resources": resources(given),
        "security_context": restricted_container(),
        "volume_mounts": mounts,
    }
    container.update(serving or {})
    return pod_spec(
        scheduling,
        service_account=BACKUP,
        restart_policy=restart_policy,
        containers=[container],
        volumes=volumes,
        grace_seconds=60,  # time to say in the status bucket that the run was cut off
    )
