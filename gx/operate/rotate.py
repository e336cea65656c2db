"""`gx rotate`: a new value of a generated secret, as a change of the stack file that a person reviews and applies."""

import base64
import shutil
import tempfile
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from gx.diff.show import network_diff
from gx.errors import InputError, shown
from gx.labels import CONFIG_CHECKSUM
from gx.live.deletion import deletion
from gx.live.kubernetes_api import KubernetesApi
from gx.naming import MESSAGING_DATABASE, MINIO_BACKUP_USER, MINIO_MESSAGING_USER, MINIO_METRICS_USER
from gx.objects import Object, mapping
from gx.plan.model import Plan
from gx.plan.record import record
from gx.settings.crosscheck import GENERATED_SECRETS, TWO_KEY_SECRETS
from gx.settings.project import PROJECT, replace_file, stack_file
from gx.settings.settings import Settings

EFFECTS = {
    "minioRoot": "MinIO restarts (seconds without voice messages and files), and svc-messaging with it until its step",
    "minioMessagingUser": "svc-messaging rolls once it has its own user; no request fails",
    "minioBackupUser": "the next backup uses the new pair",
    "minioRestoreUser": "the next restore uses the new pair",
    "minioMetricsUser": "the pod of the backup's metrics restarts; Prometheus needs the new token of minio-metrics",
    "messagingDatabaseRole": "svc-messaging rolls once it has its own role; no request fails",
    "nextauthSecret": "the wallet restarts and every user is logged out",
    "testUsers": "the Job of the test users runs again; they log in with the new password",
}
"""What a new value does, by its name in `secretEpochs`."""

ADOPTED = {"minioRoot": ("minioRootUser", "minioRootPassword"), "nextauthSecret": ("nextauthSecret",)}
"""Encrypted settings that hold a live value instead of a generated one."""

READERS = {
    "minioMessagingUser": (MINIO_MESSAGING_USER, "svc-messaging"),
    "messagingDatabaseRole": (MESSAGING_DATABASE, "svc-messaging"),
    "minioMetricsUser": (MINIO_METRICS_USER, "backup-metrics"),
    "minioBackupUser": (MINIO_BACKUP_USER, ""),
    "minioRestoreUser": ("", ""),
}
"""Secret and Deployment that must have the new value before the old one may go."""


def check_name(secret: str, *, retire: bool) -> None:
    """Refuse a secret that is not generated, or that has no second key.

    Raises:
        InputError: The name is not known, or the secret cannot be retired.
    """
    known = TWO_KEY_SECRETS if retire else GENERATED_SECRETS
    if secret not in known:
        raise InputError(
            file="gx rotate",
            key="SECRET",
            value=shown(secret),
            consequence="has no old value beside the new one"
            if secret in GENERATED_SECRETS
            else "is not generated here",
            fix=f"use one of {', '.join(known)}",
        )


def check_adopted(settings: Settings, secret: str, kept: Collection[str]) -> None:
    """Refuse to rotate what an encrypted setting holds: a new epoch would change nothing.

    Args:
        settings: The network.
        secret: The secret's name in `secretEpochs`.
        kept: Encrypted settings that are set: they carry live values over from before the adoption.

    Raises:
        InputError: The secret is an adopted one.
    """
    held = [key for key in ADOPTED.get(secret, ()) if key in kept]
    if held:
        raise InputError(
            file=stack_file(settings.network.name),
            key=f"{PROJECT}:{held[0]}",
            consequence=f"holds the live value of {secret} and wins over every epoch: nothing would change",
            fix=f"take it out on purpose, then rotate: pulumi config rm -s {settings.network.name} {' '.join(held)}",
        )


def explanation(root: Path, settings: Settings, secret: str, *, retire: bool) -> list[str]:
    """Return what `pulumi up` would do after a rotation, from the Plan before and after it. Nothing is written."""
    stack = settings.network.name
    with tempfile.TemporaryDirectory(prefix="gx-rotate-") as name:
        copy = Path(name)
        for file in root.glob("Pulumi*.yaml"):
            shutil.copy(file, copy)
        shutil.copytree(root / "networks", copy / "networks")
        _, _, text = _with_epoch(copy, settings, secret, retire=retire)
        (copy / stack_file(stack)).write_text(text, encoding="utf-8")

        def planned(folder: Path) -> Plan:
            return record(stack, root=folder)

        with ThreadPoolExecutor(2) as pool:
            before, after = pool.map(planned, (root, copy))
    costs = network_diff(stack, before, after).risks
    return [f"{cost.kind.value}: {cost.place} {cost.text}" for cost in costs]


def check_rolled(api: KubernetesApi, settings: Settings, secret: str) -> None:
    """Refuse to retire the old value while a pod may still use it.

    Raises:
        InputError: The Secret or a pod of its reader has not changed yet.
    """
    name, reader = READERS[secret]
    namespace, epoch = settings.network.namespace, settings.stack.epoch(secret)
    if name and name != MESSAGING_DATABASE:
        live = api.get("v1", "Secret", namespace, name) or {}
        access_key = _decoded(live, "AWS_ACCESS_KEY_ID")
        if not access_key.endswith(f"-{epoch}"):
            raise _too_early(api, f"Secret {name}", f"still holds {access_key or 'nothing'}")
    if reader:
        deployment = api.get("apps/v1", "Deployment", namespace, reader)
        if deployment is None:
            raise _too_early(api, f"Deployment {reader}", "is not there")
        if state := deletion(deployment):
            raise _too_early(api, f"Deployment {reader}", f"is {state}")
        _check_pods(api, deployment)


def _decoded(secret: Object, key: str) -> str:
    return base64.b64decode(secret.get("data", {}).get(key, "")).decode(errors="replace")


def _check_pods(api: KubernetesApi, deployment: Object) -> None:
    metadata, status, spec = deployment["metadata"], deployment.get("status", {}), deployment["spec"]
    wanted = spec.get("replicas", 1)
    current = status.get("observedGeneration") == metadata["generation"]
    if not current or not status.get("updatedReplicas", 0) == status.get("replicas", 0) == wanted:
        raise _too_early(api, f"Deployment {metadata['name']}", "is still rolling")
    checksum = mapping(spec, "template", "metadata", "annotations").get(CONFIG_CHECKSUM)
    if not checksum:
        raise _too_early(api, f"Deployment {metadata['name']}", "says nothing of the values that its pods started with")
    labels: dict[str, str] = spec["selector"]["matchLabels"]
    selector = ",".join(f"{key}={text}" for key, text in labels.items())
    for pod in api.list_objects("v1", "Pod", metadata["namespace"], labels=selector):
        if mapping(pod, "metadata", "annotations").get(CONFIG_CHECKSUM) != checksum:
            raise _too_early(api, f"Pod {pod['metadata']['name']}", "was started with the old value")


def _too_early(api: KubernetesApi, key: str, what: str) -> InputError:
    return InputError(
        file=api.origin,
        key=key,
        consequence=f"{what}: its requests would fail with the old value gone; nothing was changed",
        fix="run `pulumi up`, wait until everything is rolled out, and try again",
    )


def write_epoch(root: Path, settings: Settings, secret: str, *, retire: bool) -> tuple[str, int]:
    """Change the stack file, comments and order kept; return the setting and its new number.

    Raises:
        InputError: The file cannot be written, or there is nothing to retire.
    """
    setting, number, text = _with_epoch(root, settings, secret, retire=retire)
    replace_file(stack_file(settings.network.name), text, root=root)
    return setting, number


def _with_epoch(root: Path, settings: Settings, secret: str, *, retire: bool) -> tuple[str, int, str]:
    """Return the setting, its new number, and the stack file's text with it."""
    name = stack_file(settings.network.name)
    epoch, retired = settings.stack.epoch(secret), settings.stack.retired_epochs.get(secret, 0)
    if retire and retired >= epoch - 1:
        raise InputError(
            file=name,
            key=f"{PROJECT}:retiredEpochs.{secret}",
            value=str(retired),
            consequence=f"there is no older value than epoch {epoch}",
            fix=f"rotate first: gx rotate {settings.network.name} {secret}",
        )
    if not retire and secret in TWO_KEY_SECRETS and retired < epoch - 1:
        raise InputError(
            file=name,
            key=f"{PROJECT}:secretEpochs.{secret}",
            value=str(epoch),
            consequence=f"epoch {epoch - 1} is not retired yet: three values would be valid at once",
            fix=f"gx rotate {settings.network.name} {secret} --retire --context NAME",
        )
    setting, number = ("retiredEpochs", epoch - 1) if retire else ("secretEpochs", epoch + 1)
    yaml: Any = YAML()  # the library has no types
    yaml.preserve_quotes = True
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    path = root / name
    try:
        document: Any = yaml.load(path.read_text(encoding="utf-8"))
        config = document["config"]
        key = f"{PROJECT}:{setting}"
        if key not in config:
            config[key] = {}
        config[key][secret] = number
        text = StringIO()
        yaml.dump(document, text)
    except OSError as error:
        raise InputError(file=name, consequence=f"cannot be read ({error.strerror})", fix="make it readable") from None
    return setting, number, text.getvalue()
