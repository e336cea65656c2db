"""Networks stay apart: no object in two Plans, no text that names another network, no address of a pod."""

import itertools
import re
from collections.abc import Iterator, Sequence

from common.objects import sequence
from common.plan import Plan, Resource
from common.values import Secret, walk
from rules.finding import Finding, Severity
from rules.rule import rule

VALUES = re.compile(r"(data|stringData)(\..+)?|(.+\.)?annotations\..+|.+\.env\[\d+\]\.value")
"""What of an object may be unknown in a preview: no other rule looks at the shape of these."""
NO_NAME = "(?!)"  # matches nothing
POD_ADDRESS = re.compile(r"\b10\.42\.\d{1,3}\.\d{1,3}\b(?!/)")


def identity(resource: Resource) -> str:
    """Return what makes an object one and the same for the system that holds it."""
    if resource.is_object:
        return f"{resource.inputs.get('apiVersion')}/{resource.kind} {resource.namespace}/{resource.object_name}"
    return f"{resource.type} " + " ".join(str(resource.inputs.get(key)) for key in ("name", "type", "content"))


@rule(
    "isolation",
    reason="Two stacks would fight over one object.",
    remedy="Give what lies outside the namespace the network's name.",
)
def check_shared(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for an object outside the network's namespaces whose name lacks the network's (takeover.md 16).

    As long as this holds for every Plan, no two Plans can hold the same object.
    """
    homes = plan.own_namespaces
    for resource in plan.objects:
        inside = resource.namespace in homes
        own = re.search(rf"(^|[-.]){re.escape(plan.network)}($|[-.])", resource.object_name)
        if not inside and not own:
            yield Finding(
                location=resource.location,
                text=f"lies outside {plan.namespace} and does not carry the network's name: two stacks would fight",
            )


def check_overlap(plans: Sequence[Plan]) -> Iterator[Finding]:
    """Yield a finding for every object, node port and public host that two Plans hold: they share one cluster."""
    for one, other in itertools.combinations(plans, 2):
        held = {claim for resource in one.resources for claim in _claims(resource)}
        claims = dict.fromkeys(claim for resource in other.resources for claim in _claims(resource))
        for claim in (claim for claim in claims if claim in held):
            yield Finding(
                check="isolation",
                location=claim,
                text=f"is in the Plans of {one.network} and {other.network}: each would undo the other",
            )


def _claims(resource: Resource) -> Iterator[str]:
    if resource.is_object or resource.type.startswith("cloudflare:"):
        yield identity(resource)
    yield from _node_ports(resource)
    if resource.kind == "Ingress":
        yield from (f"public host {rule['host']}" for rule in sequence(resource.spec, "rules") if rule.get("host"))


def _node_ports(resource: Resource) -> Iterator[str]:
    for port in sequence(resource.spec, "ports") if resource.kind == "Service" else ():
        if number := port.get("nodePort"):
            yield f"node port {number}/{port.get('protocol', 'TCP')}"


@rule(
    "node-ports",
    reason="A node port belongs to one Service of the cluster: the API server refuses the second.",
    remedy="Give one of them another node port.",
)
def check_node_ports(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for every node port that two Services of a network ask for."""
    holders: dict[str, str] = {}
    for resource in plan.of_kind("Service"):
        for claim in _node_ports(resource):
            first = holders.setdefault(claim, resource.location)
            if first != resource.location:
                yield Finding(location=resource.location, text=f"asks for {claim}, which {first} has")


@rule(
    "foreign-names",
    reason="A service of one network would work on another's data, or look for a pod that has moved.",
    remedy="Derive the name from the network; reach pods through a Service.",
    live=True,
)
def check_foreign_names(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for every text, secret or not, that names another network (production.md, incidents 1, 2)."""
    names = "|".join(re.escape(other) for other in plan.others) or NO_NAME
    foreign = re.compile(rf"(backend|fabric)-({names})\b|\b({names})\.gxcoin|Org\d({names})MSP", re.IGNORECASE)
    for resource in plan.resources:
        location = resource.location
        for path, value in walk(resource.inputs):
            text = value.value if isinstance(value, Secret) else value
            if not isinstance(text, str):
                continue
            if match := foreign.search(text):
                yield Finding(location=location, text=f"{path} names another network: {match[0]}")
            if POD_ADDRESS.search(text):
                yield Finding(location=location, text=f"{path} holds a pod's address, which will move")


@rule(
    "adoption",
    reason="A live object would stay beside a new one.",
    remedy="Run `gx adopt` again.",
)
def check_imports(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for every live id that no planned object takes: the object would stay beside a new one."""
    taken = {resource.location for resource in plan.resources}
    for name, identifier in plan.imports.items():
        if name not in taken:
            yield Finding(location=name, text=f"the live id {identifier} belongs to no planned object")


@rule(
    "live-only",
    reason="A preview shows what the program changes, not what only the live object has and loses besides.",
    remedy="Plan the field, or remove it on purpose: `gx prune`. `gx adopt --write` reads it again.",
)
def check_live_only(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for every object whose first update removes more than it says (docs/adr/0022)."""
    for location, fields in plan.live_only.items():
        text = f"its first update also removes what only the live object had when it was read: {', '.join(fields)}"
        yield Finding(location=location, text=text, severity=Severity.WARNING)


@rule(
    "unknown",
    reason="A preview could not say what is touched.",
    remedy="Use fixed names.",
)
def check_unknown(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for an object of which only the engine would learn more than values: name, place, pods, ports."""
    for resource in plan.objects:
        for path in resource.unknown_paths:
            if not VALUES.fullmatch(path):
                yield Finding(
                    location=f"{resource.kind}/{resource.name}",
                    text=f"{path} is not known before something else was created",
                )
