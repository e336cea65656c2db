"""The copy of the project on which the local engine works: the engine writes into a stack's file."""

import shutil
from pathlib import Path
from typing import Any

import yaml

from catalogue.secrets import ENCRYPTED
from common.files import write_atomically
from devcluster.folder import DataFolder
from settings.overlay import laid_over, overlay
from settings.project import PROJECT, adoption_file, read_mapping, stack_file
from settings.renamed import with_current_names

SALT = "encryptionsalt"


def copy_project(
    folder: DataFolder,
    stack: str,
    root: Path,
    *,
    cluster_uid: str,
    zone_id: str,
    context: str,
    namespace_id: str,
    node_address: str,
) -> Path:
    """Write the stack's copy again, with what only this cluster can tell; return its folder.

    Encrypted settings stay behind: they were encrypted for the real stack. The copy keeps its own, and its salt.

    Args:
        folder: The data folder.
        stack: The stack.
        root: The project.
        cluster_uid: Uid of this cluster's kube-system.
        zone_id: Id of the zone behind the fake API.
        context: Context of the kubeconfig; empty for the current one.
        node_address: Where the local node is, with real pods.
        namespace_id: Import id of the namespace while the state does not hold it; empty afterwards.
    """
    project = folder.stack(stack) / "project"
    project.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / "Pulumi.yaml", project)
    for file in root.glob("Pulumi.*.yaml"):
        if file.name != stack_file(stack):
            shutil.copy(file, project)  # other networks are only counted, so that none can be named
    (project / adoption_file(stack)).unlink(missing_ok=True)  # that of an earlier start, where the project has none
    shutil.copytree(root / "networks", project / "networks", dirs_exist_ok=True)
    document = read_mapping(stack_file(stack), root=root, fix="restore it from git")
    config: dict[str, Any] = with_current_names(stack_file(stack), document.get("config") or {})[0]
    if folder.pods:
        config = laid_over(config, overlay(stack, root))
        config[f"{PROJECT}:nodes"] = [{**node, "address": node_address} for node in config[f"{PROJECT}:nodes"]]
    for key in ENCRYPTED:
        config.pop(f"{PROJECT}:{key}", None)
    config.get(f"{PROJECT}:backup", {}).pop("offsite", None)  # no trial writes to the real off-site bucket
    config[f"{PROJECT}:clusterUid"] = cluster_uid
    config[f"{PROJECT}:kubeContext"] = context
    config[f"{PROJECT}:cloudflare"] = {**config.get(f"{PROJECT}:cloudflare", {}), "zoneId": zone_id}
    if namespace_id and not config.get(f"{PROJECT}:adopt"):  # a network that is being adopted has a map of its own
        config[f"{PROJECT}:adopt"] = True
        adoption = {"clusterUid": cluster_uid, "imports": {f"Namespace/{namespace_id}": namespace_id}}
        _write(project / adoption_file(stack), adoption)
    target = project / stack_file(stack)
    previous: dict[str, Any] = (yaml.safe_load(target.read_text(encoding="utf-8")) or {}) if target.exists() else {}
    for key in ENCRYPTED:
        if f"{PROJECT}:{key}" in previous.get("config", {}):
            config[f"{PROJECT}:{key}"] = previous["config"][f"{PROJECT}:{key}"]
    _write(target, {"config": config, **({SALT: previous[SALT]} if SALT in previous else {})})
    return project


def _write(path: Path, document: dict[str, Any]) -> None:
    write_atomically(path, yaml.safe_dump(document, sort_keys=False))
