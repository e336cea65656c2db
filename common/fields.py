"""Fields of Kubernetes objects: what differs, what a change replaces, who owns what.

Lists whose items have a natural key (containers, ports, variables) are compared by that key, as the API server merges
them; all others by position.
"""

import base64
import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, cast

from common.objects import mapping

Path = tuple[str | int, ...]
_KEYS = ("name", "containerPort", "port", "mountPath", "topologyKey", "ip", "key")
"""What identifies an item of a list, in this order."""
_UNORDERED = frozenset(("accessModes", "egress", "finalizers", "from", "ingress", "policyTypes", "to", "values"))
"""Lists whose order means nothing to Kubernetes."""

SERVER_METADATA = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
"""Metadata that only the server writes."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

REPLACING: Mapping[str, tuple[str, ...]] = {
    "ConfigMap": ("immutable",),
    "DaemonSet": ("spec.selector",),
    "Deployment": ("spec.selector",),
    "DnsRecord": ("zoneId",),
    "Job": ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    "PersistentVolumeClaim": (
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeName",
    ),
    "RandomPassword": ("keepers", "length", "lower", "number", "numeric", "overrideSpecial", "special", "upper"),
    "ResourceQuota": ("spec.scopes",),
    "RoleBinding": ("roleRef",),
    "Secret": ("type",),
    "Service": ("spec.clusterIP",),
    "StatefulSet": (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
}
"""Fields whose change makes the provider replace the object, beside kind, name and namespace of every object."""


@unique
class FieldChange(StrEnum):
    """What happens to a field."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True)
class Difference:
    """One field that differs.

    Attributes:
        path: Where, from the object's root; items of keyed lists by their key.
        change: What would happen to it.
        old: The value before; None where there was none.
        new: The value after; None where it goes.
    """

    path: Path
    change: FieldChange
    old: Any = None
    new: Any = None

    @property
    def text(self) -> str:
        """The path as the engine writes it: dots between keys, brackets around what is no identifier."""
        text = ""
        for part in self.path:
            plain = isinstance(part, str) and part.replace("_", "").isalnum()
            piece = str(part) if plain else (f'["{part}"]' if isinstance(part, str) else f"[{part}]")
            text += piece if not plain or not text else f".{piece}"
        return text


def differences(old: object, new: object, path: Path = ()) -> Iterator[Difference]:
    """Yield every field in which two values differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        before, after = cast("Mapping[str, object]", old), cast("Mapping[str, object]", new)
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _difference(before, after, key, (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        olds, news = cast("list[object]", old), cast("list[object]", new)
        if path and path[-1] in _UNORDERED and _in_order(olds) == _in_order(news):
            return
        before, after = by_key(olds), by_key(news)
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _difference(before, after, key, (*path, key))
    elif old != new:
        yield Difference(path, FieldChange.UPDATE, old, new)


def _in_order(items: list[object]) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True, default=str) for item in items)


def _difference(
    before: Mapping[Any, object], after: Mapping[Any, object], key: object, path: Path
) -> Iterator[Difference]:
    if key not in after:
        if not _empty(before[key]):
            yield Difference(path, FieldChange.DELETE, before[key])
    elif key not in before:
        if not _empty(after[key]):
            yield Difference(path, FieldChange.ADD, None, after[key])
    else:
        yield from differences(before[key], after[key], path)


def _empty(value: object) -> bool:
    """Whether the API server treats a value as if it were not there."""
    return value is None or value in ({}, [])


def by_key(items: list[object]) -> Mapping[Any, object]:
    """Return the items of a list by what identifies them in it: their key, or their position."""
    for name in _KEYS:
        keys = [cast("Mapping[str, object]", item).get(name) if isinstance(item, Mapping) else None for item in items]
        if items and all(key is not None for key in keys) and len(set(map(str, keys))) == len(keys):
            return {
                f"{name}={key}" if name != "name" else str(key): item for key, item in zip(keys, items, strict=True)
            }
    return dict(enumerate(items))


def prune(live: Any, wanted: Any) -> Any:  # noqa: ANN401 any JSON
    """Return what of a live value lies at the paths that a wanted one names."""
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        there, named = cast("Mapping[str, Any]", live), cast("Mapping[str, Any]", wanted)
        return {key: prune(there[key], named[key]) for key in named if key in there}
    if isinstance(live, list) and isinstance(wanted, list):
        return _prune_list(cast("list[Any]", live), cast("list[Any]", wanted))
    return cast("Any", live)


def _prune_list(live: list[Any], wanted: list[Any]) -> list[Any]:
    """Prune items with the same key, or at the same place; items that are not named stay whole."""
    found, asked = by_key(live), by_key(wanted)
    if set(asked) - set(found) or isinstance(next(iter(asked), 0), int):
        return [prune(a, b) for a, b in zip(live, wanted, strict=False)] + live[len(wanted) :]
    return [prune(found[key], asked[key]) for key in asked] + [found[key] for key in found if key not in asked]


def without_server_fields(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without what the server writes into it."""
    kept = copy.deepcopy({key: value for key, value in manifest.items() if key not in {"status", "id"}})
    metadata = {key: value for key, value in mapping(kept, "metadata").items() if key not in SERVER_METADATA}
    if metadata:
        kept["metadata"] = metadata
    return kept


def settled(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without what the server writes into it, a Secret's texts as the server keeps them."""
    kept = without_server_fields(manifest)
    if kept.get("kind") == "Secret":
        texts = kept.pop("stringData", None)
        if isinstance(texts, dict):
            encoded = {key: _encoded(value) for key, value in cast("dict[str, Any]", texts).items()}
            kept["data"] = {**mapping(kept, "data"), **encoded}
        elif texts is not None:
            kept["data"] = texts  # unknown as a whole, as in the preview of a rotation: it must not look like nothing
    return kept


def _encoded(value: object) -> object:
    """Return a text as the server keeps it; what a preview does not know yet stays what it is."""
    return base64.b64encode(str(value).encode()).decode() if isinstance(value, str | int | float) else value


def replacing(kind: str, found: list[Difference]) -> list[Difference]:
    """Return those differences that would make the provider replace an object of a kind."""
    rules = (*REPLACING.get(kind, ()), "apiVersion", "kind", "metadata.name", "metadata.namespace")

    def replaces(difference: Difference) -> bool:
        return any(difference.text == rule or difference.text.startswith((f"{rule}.", f"{rule}[")) for rule in rules)

    return [difference for difference in found if replaces(difference)]
