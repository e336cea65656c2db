"""A Plan out of what others hold: resources of a stack as the engine lists them, objects of a live namespace."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic import ValidationError

from common.fields import settled, without_server_fields
from common.objects import Object, mapping
from common.plan import GENERATED, KUBERNETES, POLICY_CONTEXT, Options, Plan, Resource, plan_from
from common.values import Secret, Unknown

STACK = "pulumi:pulumi:Stack"
COMPONENTS = "gx:"
CONTENT = ("data", "stringData")


class ContextError(Exception):
    """The run did not hand over what the rules need beside the resources."""


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A resource as the engine shows it to a policy.

    Attributes:
        urn: Its urn.
        type: Type token.
        name: Logical name.
        parent: Urn of its parent; empty below the stack.
        props: What the state holds of it, or in a preview its inputs where it changes. Secrets are in clear text.
        protect: Whether the engine guards it.
    """

    urn: str
    type: str
    name: str
    parent: str
    props: Mapping[str, Any]
    protect: bool


def plan_of_stack(resources: Iterable[Registered]) -> Plan:
    """Return the Plan that the resources of a run make, with what the same run has handed over beside them.

    Raises:
        ContextError: The run has handed over nothing, or something that cannot be read.
    """
    every = {one.urn: one for one in resources}
    context = next((one.props for one in every.values() if one.type == POLICY_CONTEXT), None)
    outputs = next((one.props for one in every.values() if one.type == STACK), None)
    if not context or not outputs:
        raise ContextError
    options = mapping(context, "options")
    shown = [one for one in every.values() if one.type not in {POLICY_CONTEXT, STACK}]
    entries = [_entry(one, mapping(options, f"{one.type}::{one.name}")) for one in shown]
    try:
        return plan_from({**context, "resources": entries, "outputs": outputs, "seconds": 0.0})
    except (KeyError, TypeError, ValidationError):
        raise ContextError from None


def _entry(one: Registered, noted: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource as the recorder would write it.

    Args:
        one: The resource.
        noted: What the engine does not show policies: whether it is only read, is kept on deletion, its import id.
    """
    inputs: Mapping[str, Any] = {key: value for key, value in one.props.items() if not key.startswith("__")}
    if one.type.startswith(KUBERNETES):
        inputs = _marked(without_server_fields(inputs))
    made = GENERATED.get(one.type, ())
    inputs = {key: Secret(value) if key in made and isinstance(value, str) else value for key, value in inputs.items()}
    return {
        "urn": one.urn,
        "type": one.type,
        "name": one.name,
        "parent": one.parent,
        "custom": not one.type.startswith(COMPONENTS),
        "read": noted.get("read", False),
        "inputs": inputs,
        "options": {
            "protect": one.protect,
            "retain_on_delete": noted.get("retain_on_delete"),
            "import_id": noted.get("import_id", ""),
        },
    }


def _marked(manifest: dict[str, Any]) -> dict[str, Any]:
    """Mark what a Secret holds: engine and API server show it in clear text, what is in `data` as base64."""
    if manifest.get("kind") != "Secret":
        return manifest
    return {key: _content(key, value) if key in CONTENT else value for key, value in manifest.items()}


def _content(key: str, value: Any) -> Any:  # noqa: ANN401 any JSON
    """Return what a Secret holds as secret texts; what is not known stays unknown, as a whole or one by one."""
    if not isinstance(value, Mapping):
        return value
    texts = cast("Mapping[str, Any]", value).items()
    read = _decoded if key == "data" else str
    return {name: text if isinstance(text, Unknown) else Secret(read(text)) for name, text in texts}


def _decoded(text: Any) -> str:  # noqa: ANN401 any JSON
    """Return the text behind base64: in that form it is searched for elsewhere."""
    try:
        return base64.b64decode(str(text), validate=True).decode()
    except ValueError:
        return str(text)


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
            yield resource.location
