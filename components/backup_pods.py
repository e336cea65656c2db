"""Pods of the backup: one image, one code folder, one volume; each run differs by its module and its variables."""

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict, VolumeArgsDict, VolumeMountArgsDict

from components.pods import plain_env, pod_spec, resources, restricted_container, scratch, secret_env
from gx.catalogue.model import SecretKey
from gx.naming import BACKUP, BACKUP_PVC, BACKUP_SCRIPTS
from gx.settings.settings import Settings
from gx.snapshot_code import CODE_FOLDER, mounted_files

SCRATCH = "/tmp"  # noqa: S108 an emptyDir inside the pod; holds listings


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one pod of the backup does.

    Attributes:
        name: Name of its container.
        module: The module of `gx.snapshots` that it runs.
        env: Plain variables.
        secrets: Variables that are read from Secrets.
        scratch: Size limit of its scratch folder.
        volume: Whether it mounts the volume of snapshots.
        read_only: Whether it may only read there.
    """

    name: str
    module: str
    env: Mapping[str, str]
    secrets: Mapping[str, SecretKey]
    scratch: str = "2Gi"
    volume: bool = True
    read_only: bool = False


def run_pod(
    settings: Settings, run: Run, *, restart_policy: str = "Never", serving: ContainerArgsDict | None = None
) -> PodSpecArgsDict:
    """Return the pod of a run: Pod Security restricted, no API token, the code from a ConfigMap.

    Args:
        settings: The settings of the network.
        run: What it does.
        restart_policy: "Always" for a pod that serves.
        serving: What a container that serves has beside: ports, probes, resources.
    """
    volumes, mounts = scratch((SCRATCH,), run.scratch)
    items = [{"key": key, "path": path} for key, path in mounted_files().items()]
    code: VolumeArgsDict = {"name": "code", "config_map": {"name": BACKUP_SCRIPTS, "items": items}}  # type: ignore[typeddict-item]
    volumes.append(code)
    mounts.append({"name": "code", "mount_path": CODE_FOLDER, "read_only": True})
    if run.volume:
        volumes.append({"name": "backups", "persistent_volume_claim": {"claim_name": BACKUP_PVC}})
        mount: VolumeMountArgsDict = {"name": "backups", "mount_path": "/backups"}
        mounts.append({**mount, "read_only": True} if run.read_only else mount)
    container: ContainerArgsDict = {
        "name": run.name,
        "image": settings.platform_image("backup"),
        "image_pull_policy": "IfNotPresent",
        "command": ["python3", "-m", f"gx.snapshots.{run.module}"],
        "env": [
            *plain_env({"PYTHONPATH": CODE_FOLDER, "PYTHONDONTWRITEBYTECODE": "1", "HOME": SCRATCH, **run.env}),
            *(secret_env(variable, ref.secret, ref.key) for variable, ref in run.secrets.items()),
        ],
        "resources": resources(settings.stack.backup.resources),
        "security_context": restricted_container(),
        "volume_mounts": mounts,
    }
    container.update(serving or {})
    return pod_spec(
        settings.stack.scheduling,
        service_account=BACKUP,
        restart_policy=restart_policy,
        containers=[container],
        volumes=volumes,
        grace_seconds=60,  # time to end mc and to say in the status bucket that the run was cut off
    )
