"""A Plan with one thing changed, to see a check fail."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any, cast

from common.plan import Plan, Resource

Change = Callable[[dict[str, Any]], object]


def find(plan: Plan, kind: str, name: str) -> Resource:
    """Return the one registration of a kind and object name."""
    found = [r for r in plan.resources if r.kind == kind and r.object_name == name and not r.read]
    assert len(found) == 1, f"{kind}/{name}: {len(found)} found"
    return found[0]


def changed(plan: Plan, kind: str, name: str, change: Change) -> Plan:
    """Return the Plan with the inputs of one object changed."""
    target = find(plan, kind, name)
    inputs = copy.deepcopy(target.inputs)
    change(inputs)
    return with_resource(without(plan, target), dataclasses.replace(target, inputs=inputs))


def without(plan: Plan, *gone: Resource) -> Plan:
    """Return the Plan without some registrations."""
    return dataclasses.replace(plan, resources=tuple(r for r in plan.resources if r not in gone))


def with_resource(plan: Plan, resource: Resource) -> Plan:
    """Return the Plan with one registration more."""
    return dataclasses.replace(plan, resources=(*plan.resources, resource))


def container(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the first container of a controller's inputs."""
    spec = inputs["spec"]
    spec = spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec
    return spec["template"]["spec"]["containers"][0]


def put(*path: str | int, value: object) -> Change:
    """Return the change that puts a value at a path."""

    def change(inputs: dict[str, Any]) -> None:
        target: Any = inputs
        for part in path[:-1]:
            target = target[part]
        target[path[-1]] = value

    return change


def in_container(key: str, value: object) -> Change:
    """Return the change that gives the first container another value."""
    return lambda inputs: container(inputs).__setitem__(key, value)


def grown(plan: Plan, objects: int) -> Plan:
    """Return the Plan with as many copies of svc-tax's objects as give a number of Kubernetes objects or a few more."""
    model = [r for r in plan.objects if r.object_name in {"svc-tax", "gx-svc-tax"}]
    copies = -((len(plan.objects) - objects) // len(model))
    parent = next(r for r in plan.resources if r.name == "svc-tax" and not r.custom)
    more = [_renamed(r, number) for number in range(copies) for r in (parent, *model)]
    return dataclasses.replace(plan, resources=(*plan.resources, *more))


def _renamed(resource: Resource, number: int) -> Resource:
    def new(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: new(entry) for key, entry in cast("dict[str, Any]", value).items()}
        if isinstance(value, list):
            return [new(entry) for entry in cast("list[Any]", value)]
        return value.replace("svc-tax", f"svc-tax-{number}") if isinstance(value, str) else value

    texts = {name: new(getattr(resource, name)) for name in ("urn", "name", "inputs")}
    return dataclasses.replace(
        resource, **texts, parent=resource.parent if not resource.custom else new(resource.parent)
    )
