"""A Plan out of what others hold: resources of a stack as the engine lists them, objects of a live namespace."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from gx.fields import settled
from gx.objects import Object, mapping
from gx.plan.model import KUBERNETES, Options, Plan, Resource
from gx.plan.values import Secret

CONTENT = ("data", "stringData")


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A resource as the engine shows it to a policy.

    Attributes:
        urn: Its urn.
        type: Type token.
        name: Logical name.
        props: Its outputs, or in a preview its inputs.
        protect: Whether the engine guards it.
    """

    urn: str
    type: str
    name: str
    props: Mapping[str, Any]
    protect: bool


def plan_of_stack(context: Plan, resources: Iterable[Registered]) -> Plan:
    """Return a Plan with the resources of a stack.

    Args:
        context: The recorded Plan of the same network: what is outside, and the options that policies are not shown.
        resources: The stack's resources.
    """
    return replace(context, resources=tuple(_resource(context, one) for one in resources))


def _resource(context: Plan, one: Registered) -> Resource:
    planned = context.by_urn.get(one.urn)
    options = replace(planned.options if planned else Options(), protect=one.protect)
    inputs = {key: value for key, value in one.props.items() if not key.startswith("__")}
    if one.type.startswith(KUBERNETES):
        inputs = _marked(settled(inputs))
    return Resource(
        urn=one.urn,
        type=one.type,
        name=one.name,
        parent=planned.parent if planned else "",
        custom=planned.custom if planned else ":" in one.type and not one.type.startswith("gx:"),
        read=planned.read if planned else False,
        inputs=inputs,
        options=options,
    )


def _marked(manifest: dict[str, Any]) -> dict[str, Any]:
    """Mark what a Secret holds: the engine shows it to policies in clear text."""
    if manifest.get("kind") != "Secret":
        return manifest
    return {
        key: {name: Secret(_text(text)) for name, text in cast("Mapping[str, Any]", value).items()}
        if key in CONTENT
        else value
        for key, value in manifest.items()
    }


def _text(value: Any) -> Any:  # noqa: ANN401 any JSON
    """Return what a Secret holds as text: in that form it is searched for elsewhere."""
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except ValueError:
        return value


def live_plan(context: Plan, objects: Iterable[Object]) -> Plan:
    """Return a Plan with the objects that a cluster has.

    Args:
        context: The recorded Plan of the network.
        objects: Live objects; those that others make (pods of a Deployment, for example) are left out.
    """
    types = {resource.kind: resource.type for resource in context.objects}
    found = tuple(_live(types, live) for live in objects if not mapping(live, "metadata").get("ownerReferences"))
    return replace(context, resources=tuple(resource for resource in found if resource is not None))


def _live(types: Mapping[str, str], live: Object) -> Resource | None:
    kind = str(live["kind"])
    if kind not in types:
        return None
    metadata = live["metadata"]
    return Resource(
        urn=f"live:{kind}/{metadata.get('namespace', '')}/{metadata['name']}",
        type=types[kind],
        name=str(metadata["name"]),
        parent="",
        custom=True,
        read=False,
        inputs=_marked(settled(live)),
        options=Options(),
    )


def strangers(context: Plan, plan: Plan) -> Iterator[str]:
    """Yield the objects of a live Plan that the recorded one does not know."""
    known = {(resource.kind, resource.namespace, resource.object_name) for resource in context.objects}
    for resource in plan.objects:
        if (resource.kind, resource.namespace, resource.object_name) not in known:
            yield resource.place
