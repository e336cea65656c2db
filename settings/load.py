"""From the engine's configuration to `Settings`, or to one line that says what is wrong."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pulumi

from catalogue.managed_components import ManagedComponent
from catalogue.secrets import ENCRYPTED, live_settings
from common.errors import InputError, shown
from common.naming import Network
from settings.adoption import DNS_RECORD, Adoption, read_adoption
from settings.crosscheck import cross_check
from settings.fields import Model
from settings.model import StackFile
from settings.project import PROJECT, ROOT, adoption_file, networks, read_mapping, release_file, stack_file
from settings.release import Release
from settings.renamed import with_current_names, without_defaults
from settings.settings import Settings
from settings.stackfile import is_read
from settings.validation import validated


def load_settings(root: Path = ROOT, *, adopting: bool = True) -> Settings:
    """Return the settings of the stack that runs, from the engine's configuration.

    Args:
        root: The project's folder.
        adopting: As in `settings.offline.offline_settings`.

    Raises:
        InputError: A key is missing, unknown, of the wrong type or points at another network.
    """
    config, stack = pulumi.Config(PROJECT), pulumi.get_stack()
    prefix = f"{PROJECT}:"
    keys = [key.removeprefix(prefix) for key in _configured_keys() if is_read(stack, key)]
    encrypted = pulumi.runtime.config.get_config_secret_keys_env()
    for key in keys:
        known = pulumi.runtime.is_config_secret(prefix + key) or prefix + key in encrypted
        if key in ENCRYPTED and not known:
            raise InputError(
                file=stack_file(stack),
                key=prefix + key,
                consequence="a secret in clear text would be in git and in the state",
                fix=f"pulumi config set --secret -s {stack} {key}, and rotate the value",
            )
    clear = {f"{prefix}{key}": config.require(key) for key in keys if key not in ENCRYPTED}
    current, warnings = with_current_names(stack_file(stack), without_defaults(clear, root))
    for line in warnings:
        pulumi.log.warn(f"{stack_file(stack)}: {line}")
    values = {key.removeprefix(prefix): value for key, value in current.items()}
    secrets = {key: config.require_secret(key) for key in keys if key in ENCRYPTED}
    return settings_from(stack, values, secrets, root, adopting=adopting)


def settings_from(
    stack: str,
    values: Mapping[str, str],
    secrets: Mapping[str, pulumi.Output[str]],
    root: Path = ROOT,
    *,
    adopting: bool = True,
    gated: bool = True,
) -> Settings:
    """Return the settings of a network from its clear-text values (without the project's prefix) and its secrets.

    The last two arguments are those of `settings.offline.offline_settings`.
    """
    file = stack_file(stack)
    parsed = {key: _parse(file, key, value) for key, value in values.items()}
    configured = validated(StackFile, parsed, file, prefix=f"{PROJECT}:")
    release_name = release_file(stack)
    release = validated(
        Release, read_mapping(release_name, root=root, fix="add the file, as for another network"), release_name
    )
    network = Network(
        name=stack, production=configured.production, zone=configured.zone, bucket=configured.minio.bucket
    )
    adoption = read_adoption(stack, root)
    imports = _imports(stack, configured, adoption, secrets) if configured.adopt and adopting else dict[str, str]()
    if adoption is not None and adopting and not configured.adopt:
        _refuse_used_ids(stack, adoption)
    here = adoption if adoption is not None and adoption.cluster_uid == configured.cluster_uid else None
    others = tuple(name for name in networks(root) if name != stack)
    settings = Settings(
        network=network,
        stack=configured,
        release=release,
        secrets=secrets,
        imports=imports,
        others=others,
        adoption=here,
    )
    cross_check(settings, others=others, root=root, gated=gated)
    return settings


def _imports(
    stack: str, configured: StackFile, adoption: Adoption | None, secrets: Mapping[str, object]
) -> Mapping[str, str]:
    """Return the ids of what is imported, only for the cluster that they were read from, only without losing a secret.

    Kubernetes objects are not: they are taken over by a create over what lives (docs/adr/0022), but for the namespace
    of a cluster on this machine, whose map has no components.
    """
    file = adoption_file(stack)
    if adoption is None:
        fix = "write it from the live objects, or set gx-infra:adopt to false"
        raise InputError(file=file, consequence="the file does not exist", fix=fix)
    if adoption.cluster_uid != configured.cluster_uid:
        raise InputError(
            file=file,
            key="clusterUid",
            value=shown(adoption.cluster_uid),
            consequence=f"the ids come from another cluster than the pinned {configured.cluster_uid}",
            fix="read the ids again from the pinned cluster",
        )
    for component in configured.managed_components:
        if adoption.managed_components is not None and component not in adoption.managed_components:
            raise InputError(
                file=stack_file(stack),
                key=f"{PROJECT}:managedComponents",
                value=shown(component.value),
                consequence=f"{file} does not have it: once it was taken over, nothing would keep it in the list",
                fix=f"gx adopt {stack} --context NAME --write, before the next `up`",
            )
    for name in adoption.imports:
        for key in live_settings(name):
            if key not in secrets:
                raise InputError(
                    file=file,
                    key=f"imports.{name}",
                    consequence=f"a generated value would take the place of the live one: {PROJECT}:{key} is not set",
                    fix=f"pulumi config set --secret -s {stack} {key}, with the live value on standard input",
                )
    kinds = (f"{DNS_RECORD}/", *(["Namespace/"] if adoption.managed_components is None else []))
    imported = {name: found for name, found in adoption.imports.items() if name.startswith(kinds)}
    if adoption.managed_components is None and len(imported) < len(adoption.imports):
        raise InputError(
            file=file,
            key="managedComponents",
            consequence="is not there: nothing would say that the live objects are to be taken over",
            fix=f"gx adopt {stack} --context NAME --write, before the next `up`",
        )
    return imported


def _refuse_used_ids(stack: str, adoption: Adoption) -> None:
    """Keep no import id that was used: used again, the engine calls it a replacement and deletes the live record."""
    used = [name for name in adoption.imports if name.startswith(f"{DNS_RECORD}/")]
    if used and ManagedComponent.DNS in (adoption.managed_components or ()):
        raise InputError(
            file=adoption_file(stack),
            key=f"imports.{used[0]}",
            consequence="was imported with the component dns: imported once more, the live record would be deleted",
            fix=f"gx adopt {stack} --context NAME --write, which leaves out what the state holds",
        )


def _configured_keys() -> list[str]:
    runtime = pulumi.runtime.config
    return list({**runtime.get_config_env(), **runtime.CONFIG.get()})


def _parse(file: str, key: str, value: str) -> object:
    """Parse a value's text as JSON where the model wants an object or an array."""
    field = next((f for name, f in StackFile.model_fields.items() if (f.alias or name) == key), None)
    structured = field is not None and not _is_scalar(field.annotation)
    if not structured:
        return value
    try:
        return _sorted(json.loads(value))
    except json.JSONDecodeError:
        raise InputError(
            file=file,
            key=f"{PROJECT}:{key}",
            value=shown(value),
            consequence="is plain text where a mapping or a list belongs",
            fix=f"indent its keys or items below `{PROJECT}:{key}:`",
        ) from None


def _sorted(value: Any) -> Any:  # noqa: ANN401 any JSON
    """Return mappings by key: the engine hands them over so, and both ways must give lists made of them one order."""
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        return {key: _sorted(entries[key]) for key in sorted(entries)}
    return [_sorted(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value


def _is_scalar(annotation: object) -> bool:
    return isinstance(annotation, type) and not issubclass(annotation, Model | dict | tuple)
