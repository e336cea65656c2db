"""A stack file read without the engine: values as the engine would hand them over, defaults merged as it does."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from common.errors import InputError
from settings.overlay import laid_over, overlay
from settings.project import PROJECT, ROOT, declared_keys, networks, read_mapping, stack_file
from settings.renamed import with_current_names

_TOP = ("config", "encryptionsalt", "encryptedkey", "secretsprovider", "environment")
"""What the engine reads at the top of a stack file."""
UNSET_CLUSTER_UID = "00000000-0000-0000-0000-000000000000"
UNSET_ZONE_ID = "0" * 32


@dataclass(frozen=True)
class StackConfig:
    """The configuration of one stack, as text, the way the engine passes it to a program.

    Attributes:
        values: Text by full key; objects and arrays are JSON.
        secrets: The full keys whose value is encrypted. Their value here is a placeholder: nothing is decrypted.
        notes: What is not set yet but must be before the first `pulumi up`.
        warnings: What the next release refuses.
    """

    values: dict[str, str]
    secrets: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def read_stack(stack: str, root: Path = ROOT, *, local: bool = False) -> StackConfig:
    """Return the configuration of a stack for a run without the engine.

    Values that only a live system can tell (the cluster's uid, the zone's id) get a placeholder and a note.

    Args:
        stack: The stack.
        root: The project's folder.
        local: Whether with what differs on one machine.

    Raises:
        InputError: The stack is unknown or its file cannot be used.
    """
    known = networks(root)
    if stack not in known:
        raise InputError(
            file=stack_file(stack),
            consequence=f"there is no stack {stack!r}",
            fix=f"use one of {', '.join(known)}, or add the file and networks/{stack}/",
        )
    declared = declared_keys(root)
    document = read_mapping(stack_file(stack), root=root, fix="restore it from git")
    given: object = document.get("config") or {}
    if not isinstance(given, dict):
        raise InputError(
            file=stack_file(stack), key="config", consequence="is no mapping", fix=f"write `{PROJECT}:key: value` lines"
        )
    for key in document:
        if key not in _TOP:
            text = "nothing reads a key here: its value would be ignored"
            fix = f"indent it below `config:`, as `{PROJECT}:{key.removeprefix(f'{PROJECT}:')}`"
            raise InputError(file=stack_file(stack), key=key, consequence=text, fix=fix)
    own = {key: value for key, value in cast("dict[str, Any]", given).items() if is_read(stack, key)}
    settings, warnings = with_current_names(stack_file(stack), own)
    defaults: dict[str, Any] = {
        f"{PROJECT}:{key}": entry["default"] for key, entry in declared.items() if "default" in entry
    }
    raw = {**defaults, **settings}
    if local:
        raw = laid_over(raw, overlay(stack, root))
    notes = _fill_unset(stack, raw)
    secrets = tuple(key for key, value in raw.items() if _is_secure(value))
    values = {key: _as_text(stack, key, value) for key, value in raw.items()}
    return StackConfig(values=values, secrets=secrets, notes=tuple(notes), warnings=tuple(warnings))


def is_read(stack: str, key: str) -> bool:
    """Return whether the program reads a key of a stack's configuration; the engine's own it does not.

    Raises:
        InputError: Nobody reads it.
    """
    if not key.startswith((f"{PROJECT}:", "pulumi:")):
        text = f"nothing reads a key without the prefix {PROJECT}: its value would be ignored"
        own = key.rpartition(":")[2]
        raise InputError(file=stack_file(stack), key=key, consequence=text, fix=f"write {PROJECT}:{own}, or remove it")
    return key.startswith(f"{PROJECT}:")


def _is_secure(value: object) -> bool:
    return isinstance(value, dict) and list(cast("dict[str, Any]", value)) == ["secure"]


def _as_text(stack: str, key: str, value: object) -> str:
    if _is_secure(value):
        return f"placeholder of {key}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    if '"secure"' in (text := json.dumps(value, default=str)):
        raise InputError(
            file=stack_file(stack),
            key=key,
            consequence="an encrypted value inside an object would be read in clear",
            fix="give the secret a key of its own with `pulumi config set --secret`",
        )
    return text


def _fill_unset(stack: str, raw: dict[str, Any]) -> list[str]:
    """Put placeholders where only the live system knows the value; return a note for each."""
    notes: list[str] = []
    uid, cloudflare = f"{PROJECT}:clusterUid", f"{PROJECT}:cloudflare"
    if uid not in raw:
        raw[uid] = UNSET_CLUSTER_UID
        notes.append(
            f"{uid} is not set: `pulumi up` refuses to run; fix: pulumi config set -s {stack} "
            'clusterUid "$(kubectl get namespace kube-system -o jsonpath={.metadata.uid})"'
        )
    if isinstance(raw.get(cloudflare), dict) and not raw[cloudflare].get("zoneId"):
        raw[cloudflare] = {**raw[cloudflare], "zoneId": UNSET_ZONE_ID}
        notes.append(
            f"{cloudflare}.zoneId is not set: `pulumi up` refuses to run; fix: pulumi config set "
            f"-s {stack} --path cloudflare.zoneId <id of the zone, from its overview page>"
        )
    return notes
