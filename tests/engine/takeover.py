"""What `gx adopt` said compared with what the takeover did, by means of its own: text and raw objects."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from common.plan import Plan
from gx.cluster.kubernetes_api import KubernetesApi

Parts = tuple[str, ...]
Objects = dict[str, dict[str, Any]]
_SERVER = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
_CONTROLLERS = ("deployment.kubernetes.io/revision", "pv.kubernetes.io/", "volume.kubernetes.io/")
"""Annotations that controllers of Kubernetes write."""
_OWN = {("metadata", "labels"), ("metadata", "annotations")}
_PART = re.compile(r'\["([^"]+)"\]|\[(\d+)\]|([^.\[]+)')


@dataclass
class Said:
    """What was said of one object.

    Attributes:
        decision: The first word or two.
        paths: Fields that will change, as they were printed.
        own: How many labels and annotations of the program's own.
    """

    decision: str
    paths: list[str] = field(default_factory=list[str])
    own: int = 0


def said(output: str) -> dict[str, Said]:
    """Read the output of `gx adopt`, by "Kind/name"."""
    found: dict[str, Said] = {}
    now = Said("")
    for line in output.splitlines():
        if head := re.match(r"(take over|create|import|conflict) +(\w+/\S+)", line):
            found[head[2]] = now = Said(head[1])
        elif changed := re.match(r"  will change: (.+)", line):
            own = re.match(r"(\d+) labels and annotations", changed[1])
            if own:
                now.own = int(own[1])
            else:
                now.paths.append(re.split(r" = |: ", changed[1])[0])
    return found


def removed(output: str) -> dict[str, list[str]]:
    """Read what `gx prune --write` has removed: fields by "Kind/name"."""
    found: dict[str, list[str]] = {}
    fields: list[str] = []
    for line in output.splitlines():
        if head := re.match(r"removed +(\w+/\S+)$", line):
            fields = found[head[1]] = []
        elif line.startswith("  "):
            fields.append(line.strip())
    return found


def objects(api: KubernetesApi, plan: Plan) -> Objects:
    """Read every planned object that lives, by "Kind/name"."""
    live = {r.location: api.get(r.manifest["apiVersion"], r.kind, r.namespace, r.object_name) for r in plan.objects}
    return {location: one for location, one in live.items() if one is not None}


def differences(expected: Said, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return where a statement and what happened to an object differ, a line each."""
    changed = set(_changed(_leaves(before), _leaves(after)))
    own = {path for path in changed if path[:2] in _OWN}
    predicted = {_resolved(text, before, after) for text in expected.paths}
    happened = changed - own
    lines = [f"said, and did not happen: {'.'.join(p)}" for p in predicted if not _covered(p, happened)]
    lines += [f"happened, and was not said: {'.'.join(p)}" for p in happened if not _covered(p, predicted)]
    if before["metadata"]["uid"] != after["metadata"]["uid"]:
        lines.append("is another object")
    names = ", ".join(sorted(path[-1] for path in own))
    return lines if len(own) == expected.own else [*lines, f"{expected.own} labels and annotations said, not {names}"]


def _covered(path: Parts, by: set[Parts]) -> bool:
    return any(path[: len(other)] == other or other[: len(path)] == path for other in by)


def _changed(before: dict[Parts, Any], after: dict[Parts, Any]) -> Iterator[Parts]:
    return (path for path in {*before, *after} if before.get(path) != after.get(path))


def _leaves(value: Any, path: Parts = ()) -> dict[Parts, Any]:
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        kept = {key: entry for key, entry in entries.items() if not _ignored((*path, key))}
        return {p: leaf for key, entry in kept.items() for p, leaf in _leaves(entry, (*path, key)).items()}
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return {p: leaf for n, item in enumerate(items) for p, leaf in _leaves(item, (*path, _label(items, n))).items()}
    return {path: value}


def _ignored(path: Parts) -> bool:
    if path[:2] == ("metadata", "annotations") and len(path) > 2:
        return path[2].startswith(_CONTROLLERS)
    return path == ("status",) or path in {("metadata", name) for name in _SERVER}


def _label(items: list[Any], number: int) -> str:
    """Name an item of a list: by its name where all have one, else by its place."""
    named = all(isinstance(item, dict) and "name" in item for item in items)
    return str(items[number]["name"]) if named else str(number)


def _resolved(text: str, before: dict[str, Any], after: dict[str, Any]) -> Parts:
    """Return a printed path with each item of a list as `_label` names it."""
    path: list[str] = []
    locations: list[Any] = [before, after]
    for parts in _PART.findall(text):
        part = next(p for p in parts if p)
        step, locations = _step(part, locations)
        path.append(step)
    return tuple(path)


def _step(part: str, locations: list[Any]) -> tuple[str, list[Any]]:
    below: list[Any] = []
    step = part
    for location in locations:
        if isinstance(location, list):
            items = cast("list[Any]", location)
            key, _, value = part.partition("=")
            for number, item in enumerate(items):
                if part in (str(number), _label(items, number)) or (value and str(item.get(key)) == value):
                    step = _label(items, number)
                    below.append(item)
        elif isinstance(location, dict) and part in location:
            below.append(location[part])
    return step, below
