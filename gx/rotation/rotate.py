"""`gx rotate`: a new value of a generated secret, as a change of the stack file to review and apply."""

import shutil
import tempfile
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from catalogue.bucket import MINIO_USERS
from catalogue.secrets import GENERATED, REDIS_PASSWORD, GeneratedSecret
from common.errors import InputError, shown
from common.labels import CONFIG_CHECKSUM
from common.objects import Object, mapping
from common.plan import Plan
from gx.cluster.deletion import deletion
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.readiness import rolled_out
from gx.cluster.secret_values import text_of
from gx.diff.view import network_diff
from gx.plan.record import record
from settings.project import PROJECT, replace_file, stack_file
from settings.settings import Settings


def secret_of(name: str, *, retire: bool) -> GeneratedSecret:
    """Return the row of a secret that is generated, and to retire one that has a second value.

    Raises:
        InputError: The name is not known, or the secret cannot be retired.
    """
    known = [*(row.name for row in GENERATED.values() if row.two_values or not retire), REDIS_PASSWORD]
    if name not in known:
        raise InputError(
            file="gx rotate",
            key="SECRET",
            value=shown(name),
            consequence="has no old value beside the new one" if name in GENERATED else "is not generated here",
            fix=f"use one of {', '.join(known)}",
        )
    return GENERATED[name]


def check_adopted(settings: Settings, secret: GeneratedSecret, kept: Collection[str]) -> None:
    """Refuse to rotate what an encrypted setting holds: a new epoch would change nothing.

    Args:
        settings: The network.
        secret: The secret.
        kept: Encrypted settings that are set: they carry live values over from before the adoption.

    Raises:
        InputError: The secret is an adopted one.
    """
    held = [key for key in secret.settings if key in kept]
    if held:
        raise InputError(
            file=stack_file(settings.network.name),
            key=f"{PROJECT}:{held[0]}",
            consequence=f"holds the live value of {secret.name} and wins over every epoch: nothing would change",
            fix=f"take it out on purpose, then rotate: pulumi config rm -s {settings.network.name} {' '.join(held)}",
        )


def explanation(root: Path, settings: Settings, secret: GeneratedSecret, *, retire: bool) -> list[str]:
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
    return [f"{cost.kind.value}: {cost.location} {cost.text}" for cost in costs]


def check_rolled(api: KubernetesApi, settings: Settings, secret: GeneratedSecret) -> None:
    """Refuse to retire the old value while a pod may still use it.

    Raises:
        InputError: The Secret or a pod of its reader has not changed yet.
    """
    namespace, epoch = settings.network.namespace, settings.stack.epoch(secret.name)
    if secret in {user.pair for user in MINIO_USERS}:  # the access key ends with the epoch
        live = api.get("v1", "Secret", namespace, secret.secret) or {}
        access_key = text_of(live, "AWS_ACCESS_KEY_ID")
        if not access_key.endswith(f"-{epoch}"):
            raise too_early(api, f"Secret {secret.secret}", f"still holds {access_key or 'nothing'}")
    if secret.reader:
        check_deployment(api, namespace, secret.reader)


def check_deployment(api: KubernetesApi, namespace: str, reader: str) -> None:
    """Refuse while a Deployment has a pod that was started with another value than its newest.

    Raises:
        InputError: It is not there, is being deleted, rolls, or has such a pod.
    """
    deployment = api.get("apps/v1", "Deployment", namespace, reader)
    if deployment is None:
        raise too_early(api, f"Deployment {reader}", "is not there")
    if state := deletion(deployment):
        raise too_early(api, f"Deployment {reader}", f"is {state}")
    _check_pods(api, namespace, deployment)


def _check_pods(api: KubernetesApi, namespace: str, deployment: Object) -> None:
    metadata = deployment["metadata"]
    if not rolled_out(deployment):
        raise too_early(api, f"Deployment {metadata['name']}", "is still rolling")
    checksum = mapping(deployment, "spec", "template", "metadata", "annotations").get(CONFIG_CHECKSUM)
    if not checksum:
        raise too_early(api, f"Deployment {metadata['name']}", "says nothing of the values that its pods started with")
    labels = mapping(deployment, "spec", "selector", "matchLabels")
    selector = ",".join(f"{key}={text}" for key, text in labels.items())
    for pod in api.list_objects("v1", "Pod", namespace, labels=selector):
        if mapping(pod, "metadata", "annotations").get(CONFIG_CHECKSUM) != checksum:
            raise too_early(api, f"Pod {pod['metadata']['name']}", "was started with the old value")


def too_early(api: KubernetesApi, key: str, what: str) -> InputError:
    """Return the line that says why an old value cannot go yet."""
    return InputError(
        file=api.origin,
        key=key,
        consequence=f"{what}: its requests would fail with the old value gone; nothing was changed",
        fix="run `pulumi up`, wait until everything is rolled out, and try again",
    )


def write_epoch(root: Path, settings: Settings, secret: GeneratedSecret, *, retire: bool) -> tuple[str, int]:
    """Change the stack file, comments and order kept; return the setting and its new number.

    Raises:
        InputError: The file cannot be written, or there is nothing to retire.
    """
    setting, number, text = _with_epoch(root, settings, secret, retire=retire)
    replace_file(stack_file(settings.network.name), text, root=root)
    return setting, number


def _with_epoch(root: Path, settings: Settings, row: GeneratedSecret, *, retire: bool) -> tuple[str, int, str]:
    """Return the setting, its new number, and the stack file's text with it."""
    name, secret = stack_file(settings.network.name), row.name
    epoch, retired = settings.stack.epoch(secret), settings.stack.retired_epochs.get(secret, 0)
    if retire and retired >= epoch - 1:
        raise InputError(
            file=name,
            key=f"{PROJECT}:retiredEpochs.{secret}",
            value=str(retired),
            consequence=f"there is no older value than epoch {epoch}",
            fix=f"rotate first: gx rotate {settings.network.name} {secret}",
        )
    if not retire and row.two_values and retired < epoch - 1:
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
