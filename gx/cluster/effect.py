"""What an update would do to a live object: which fields change, go, or belong to somebody else.

Reads ownership from managedFields, as the API server does when an object is applied server-side.
"""

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from common.fields import LAST_APPLIED, Difference, FieldChange, Path, by_key, differences, prune, settled
from common.objects import Object, mapping
from common.quantities import parse_quantity
from gx.cluster.managers import entries, is_ours, union


class _Missing:
    """There is nothing at this path."""


MISSING = _Missing()

DEFAULTS: Mapping[str, tuple[object, ...]] = {
    "allowPrivilegeEscalation": (True,),
    "concurrencyPolicy": ("Allow",),
    "defaultMode": (420,),
    "dnsPolicy": ("ClusterFirst",),
    "failureThreshold": (3,),
    "finalizers": (["kubernetes"],),
    "internalTrafficPolicy": ("Cluster",),
    "ipFamilyPolicy": ("SingleStack",),
    "periodSeconds": (10,),
    "persistentVolumeClaimRetentionPolicy": ({"whenDeleted": "Retain", "whenScaled": "Retain"},),
    "podManagementPolicy": ("OrderedReady",),
    "progressDeadlineSeconds": (600,),
    "protocol": ("TCP",),
    "restartPolicy": ("Always",),
    "revisionHistoryLimit": (10,),
    "schedulerName": ("default-scheduler",),
    "scheme": ("HTTP",),
    "securityContext": ({},),
    "sessionAffinity": ("None",),
    "successThreshold": (1,),
    "suspend": (False,),
    "terminationGracePeriodSeconds": (30,),
    "terminationMessagePath": ("/dev/termination-log",),
    "terminationMessagePolicy": ("File",),
    "timeoutSeconds": (1,),
    "type": ("ClusterIP", "Opaque"),
    "updateStrategy": ({"rollingUpdate": {"partition": 0}, "type": "RollingUpdate"},),
    "volumeMode": ("Filesystem",),
}
"""Values that the API server fills in: where one goes, it comes back."""

_QUANTITIES = {"limits", "requests", "hard", "min", "max", "default", "defaultRequest", "capacity", "sizeLimit"}


@dataclass(frozen=True)
class Owned:
    """A field that managers own.

    Attributes:
        path: Where.
        live: Its value.
        wanted: The value that the update names, or `MISSING`.
    """

    path: Path
    live: Any
    wanted: Any


def owned_fields(
    fields: Mapping[str, Any],
    live: Any,  # noqa: ANN401 any JSON
    wanted: Any,  # noqa: ANN401 any JSON
    path: Path = (),
    shared: frozenset[Path] = frozenset(),
) -> Iterator[Owned]:
    """Yield the fields of a field set, down to where the update names nothing any more.

    Args:
        fields: The field set.
        live: The live value.
        wanted: What the update names.
        path: Where both lie.
        shared: Places of which several managers own a part: there every part is yielded.
    """
    for key, below in fields.items():
        if key == ".":
            continue
        name, inside, asked = _step(key, live, wanted)
        if isinstance(inside, _Missing):
            continue
        inner = {k: v for k, v in cast("Mapping[str, Any]", below).items() if k != "."}
        location = (*path, name)
        parts = any(location[: len(above)] == above for above in shared) or all(k.startswith("v:") for k in inner)
        if not inner or (isinstance(asked, _Missing) and not parts):
            yield Owned(location, inside, asked)
        else:
            yield from owned_fields(inner, inside, asked, location, shared)


def _step(key: str, live: Any, wanted: Any) -> tuple[str, Any, Any]:  # noqa: ANN401 any JSON
    """Return the name of a field set's key, and what lies there in the live object and in the wanted one."""
    kind, text = key[0], key[2:]
    if kind == "f":
        return text, _entry(live, text), _entry(wanted, text)
    value: object = json.loads(text)
    if kind == "v":
        return str(value), value if _holds(live, value) else MISSING, value if _holds(wanted, value) else MISSING
    keys = cast("Mapping[str, object]", value)
    name = str(keys["name"]) if "name" in keys else ",".join(f"{k}={v}" for k, v in keys.items() if k != "protocol")
    return name, _item(live, keys), _item(wanted, keys)


def _entry(value: Any, name: str) -> Any:  # noqa: ANN401 any JSON
    return cast("Mapping[str, Any]", value).get(name, MISSING) if isinstance(value, Mapping) else MISSING


def _holds(values: Any, value: object) -> bool:  # noqa: ANN401 any JSON
    return isinstance(values, list) and value in cast("list[object]", values)


def _item(items: Any, keys: Mapping[str, object]) -> Any:  # noqa: ANN401 any JSON
    found = cast("list[Any]", items) if isinstance(items, list) else []
    for item in found:
        if all(item.get(key, "TCP" if key == "protocol" else None) == value for key, value in keys.items()):
            return item
    return MISSING


def pruned(live: Mapping[str, Any], wanted: Mapping[str, Any], manager: str) -> list[Difference]:
    """Return the fields that an update would remove: owned by the manager or by hand tools, and no longer named."""
    mine: list[Mapping[str, Any]] = []
    others: list[Mapping[str, Any]] = []
    for entry in entries(live):
        (mine if is_ours(entry, manager) else others).append(cast("Mapping[str, Any]", entry.get("fieldsV1") or {}))
    content = settled(wanted)
    ours, theirs = union(*mine), union(*others)
    locations = [{field.path for field in owned_fields(fields, live, content)} for fields in (ours, theirs)]
    shared = frozenset(locations[0] & locations[1])
    kept = {field.path for field in owned_fields(theirs, live, content, shared=shared)}
    return [
        Difference(field.path, FieldChange.DELETE, field.live)
        for field in owned_fields(ours, live, content, shared=shared)
        if isinstance(field.wanted, _Missing) and field.path not in kept and not _comes_back(field)
    ]


def without(live: Object, paths: Iterable[Path]) -> Object:
    """Return a live object without the fields at the paths that `pruned` gives."""
    left = copy.deepcopy(live)
    for path in paths:
        location: Any = left
        for part in path[:-1]:
            location = _named(location, part)
        if isinstance(location, list):
            items = cast("list[Any]", location)
            items.remove(_named(items, path[-1]))
        else:
            del location[path[-1]]
    return left


def _named(location: Any, part: str | int) -> Any:  # noqa: ANN401 any JSON
    """Return what `_step` calls by a name."""
    if isinstance(location, Mapping):
        return cast("Mapping[str, Any]", location)[str(part)]
    items: list[Any] = location
    for item in items:
        keys = mapping(cast("object", item))
        pairs = [pair.partition("=")[::2] for pair in str(part).split(",")]
        if part in (str(item), keys.get("name")) or (keys and all(str(keys.get(key)) == value for key, value in pairs)):
            return item
    raise LookupError(part)


def _comes_back(field: Owned) -> bool:
    last = str(field.path[-1])
    if field.path[-3:] == ("template", "spec", "serviceAccount"):  # the old name of what serviceAccountName says
        return True
    return last == LAST_APPLIED or field.live in DEFAULTS.get(last, ()) or field.live in (None, {}, [])


def changed(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Difference]:
    """Return the fields that a create over a live object changes; equal quantities are no difference.

    A list that the server merges by key keeps the items that are not named; any other list is written as it is named.
    """
    content = settled(wanted)
    fields = union(*(cast("Mapping[str, Any]", entry.get("fieldsV1") or {}) for entry in entries(live)))
    return [
        difference
        for difference in differences(prune(settled(live), content), content)
        if not _same_quantity(difference)
        and not (difference.change is FieldChange.DELETE and _merged(fields, live, difference.path[:-1]))
    ]


def _merged(fields: Mapping[str, Any], live: Any, path: Path) -> bool:  # noqa: ANN401 any JSON
    """Whether the server tracks the items of the list at a path one by one, so that those of others stay."""
    for part in path:
        if isinstance(live, list):
            item = by_key(cast("list[object]", live)).get(part)
            keys = (key for key in fields if key.startswith("k:") and _item(live, json.loads(key[2:])) is item)
            fields, live = fields.get(next(keys, ""), {}), item
        else:
            fields, live = fields.get(f"f:{part}", {}), mapping(live).get(str(part))
    return any(key[:2] in {"k:", "v:"} for key in fields)


def _same_quantity(difference: Difference) -> bool:
    if not _QUANTITIES & {str(part) for part in difference.path}:
        return False
    try:
        return parse_quantity(str(difference.old)) == parse_quantity(str(difference.new))
    except ValueError:
        return False


def foreign(live: Mapping[str, Any], wanted: Mapping[str, Any], manager: str) -> list[tuple[Difference, str]]:
    """Return the fields that an update names, that differ, and that another manager owns: each is a conflict."""
    content = settled(wanted)
    found: list[tuple[Difference, str]] = []
    for entry in entries(live):
        if is_ours(entry, manager):
            continue
        name = str(entry["manager"])
        for field in owned_fields(cast("Mapping[str, Any]", entry.get("fieldsV1") or {}), live, content):
            if not isinstance(field.wanted, _Missing):
                conflicts = changed({"at": field.live}, {"at": field.wanted})
                found += [(Difference(field.path, FieldChange.UPDATE, d.old, d.new), name) for d in conflicts[:1]]
    return found
