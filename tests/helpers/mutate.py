"""A Plan with one thing changed, to see a check fail."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

from gx.plan.model import Plan, Resource

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
