"""What must be settled before a network may be adopted, beyond the fields of one object (takeover.md 4, 5, 19, 22)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalogue.secrets import live_settings
from common.cluster import INGRESS_PREFIX
from common.dns import TRAFFIC_TYPES
from common.labels import FIELD_MANAGER, MANAGED_BY
from common.objects import Object, identifier, mapping, sequence
from common.plan import Plan, Resource
from common.values import Secret, walk
from gx.adoption.live import POD_CONTROLLERS, LiveObjects, claims_of, pod_template
from gx.cluster.deletion import deletion
from gx.cluster.masters import masters


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One reason why adoption does not go on.

    Attributes:
        name: By which it can be accepted.
        text: What would happen.
        fix: What resolves it.
    """

    name: str
    text: str
    fix: str


def refusals(plan: Plan, live: LiveObjects, kept_secrets: frozenset[str]) -> Iterator[Refusal]:
    """Yield every reason that concerns more than one object."""
    yield from _deleted(plan, live)
    yield from _masters(plan, live)
    yield from _secrets(plan, live, kept_secrets)
    yield from _claims(plan, live)
    yield from _strangers(plan, live)
    yield from _second_of_a_kind(plan, live)
    yield from foreign_routes(plan, live)
    yield from _records(plan, live)


def _planned(plan: Plan, live: LiveObjects) -> Iterator[tuple[Resource, Object | None]]:
    return ((r, live.get(r.kind, r.namespace, r.object_name)) for r in plan.objects)


def _deleted(plan: Plan, live: LiveObjects) -> Iterator[Refusal]:
    """What is being deleted is gone as soon as nothing holds it: the program would own an object that vanishes."""
    for found in being_deleted(plan, live):
        metadata = found["metadata"]
        yield Refusal(
            # With the time: what was accepted once must not cover a later deletion.
            name=f"{found['kind']}/{metadata['name']} deletion {metadata.get('deletionTimestamp', '')}".rstrip(),
            text=f"is {deletion(found)}: it would vanish after it was adopted",
            fix="find out who deleted it, save its data first, and adopt what is made in its place",
        )


def being_deleted(plan: Plan, live: LiveObjects) -> Iterator[Object]:
    """Yield the live objects that are being deleted and that the Plan holds, reads, or has objects in."""
    keys = [(r.kind, r.namespace, r.object_name) for r in plan.objects]
    keys += [(external.kind, external.namespace, external.name) for external in plan.externals]
    keys += [("Namespace", "", namespace) for _, namespace, _ in keys if namespace]
    found = (live.get(*key) for key in dict.fromkeys(keys))
    return (one for one in found if one is not None and deletion(one))


def _masters(plan: Plan, live: LiveObjects) -> Iterator[Refusal]:
    """Two tools that manage one object undo each other's work, and the one that is uninstalled deletes it."""
    managed: dict[str, list[str]] = {}
    for resource, found in _planned(plan, live):
        for master in masters(found):
            managed.setdefault(master, []).append(resource.location)
    for master, locations in managed.items():
        more = f" and {len(locations) - 3} more" if len(locations) > 3 else ""  # noqa: PLR2004 a line's worth
        yield Refusal(
            name=f"master {master}",
            text=f"manages {', '.join(locations[:3])}{more}: it would write or delete them again",
            fix="take them out of that tool without deleting them, then accept by name that it is gone",
        )


def _secrets(plan: Plan, live: LiveObjects, kept: frozenset[str]) -> Iterator[Refusal]:
    """A value that was generated must never take the place of one that is in use."""
    asked: set[str] = set()
    for resource, found in _planned(plan, live):
        key = resource.location
        if found is None:
            continue
        missing = [name for name in live_settings(key) if name not in kept and name not in asked]
        asked.update(missing)
        for name in missing:
            yield Refusal(
                name=f"setting {name}",
                text=f"is not set: a generated value would take the place of the live one in {key}",
                fix=f"give the live value to `pulumi config set --secret -s {plan.network} {name}` on standard input",
            )
        generated = resource.kind == "Secret" and any(isinstance(value, Secret) for _, value in walk(resource.inputs))
        ours = mapping(found, "metadata", "labels").get(MANAGED_BY) == FIELD_MANAGER  # written by the program itself
        if generated and not ours and not live_settings(key):
            yield Refusal(
                name=f"{key} values",
                text="exists live, and the program would write generated values over it",
                fix="rename the live Secret out of the way, or delete it if nothing reads it",
            )


def _claims(plan: Plan, live: LiveObjects) -> Iterator[Refusal]:
    """Data lies in claims: the planned pods must mount the very claims that the live ones do."""
    wanted = {r.object_name for r in plan.of_kind("PersistentVolumeClaim")}
    for resource in plan.of_kind("Deployment", "StatefulSet"):
        name = resource.object_name
        planned = claims_of(resource.manifest)
        for kind in ("Deployment", "StatefulSet"):
            found = live.get(kind, resource.namespace, name)
            if found is None or (kind == resource.kind and not planned and not claims_of(found)):
                continue
            if kind != resource.kind and planned | claims_of(found):
                yield Refusal(
                    name=f"{resource.kind}/{name} kind",
                    text=f"a live {kind} of that name exists: two servers would open one claim",
                    fix=f"set the kind to {kind} as it is live; docs/takeover.md 6 has the way to change it",
                )
            elif claims_of(found) != planned:
                yield Refusal(
                    name=f"{resource.kind}/{name} claims",
                    text=f"mounts {_list(claims_of(found))} live, {_list(planned)} planned: no data there",
                    fix="describe the claim by its live name",
                )
    for name in sorted(wanted):
        users = [c for c in live.controllers if name.removesuffix("-pvc") == c["metadata"]["name"]]
        if live.get("PersistentVolumeClaim", live.namespace, name) is None and users:
            yield Refusal(
                name=f"PersistentVolumeClaim/{name} created",
                text=f"would be created empty beside the live {users[0]['kind']}/{users[0]['metadata']['name']}",
                fix="describe the claim that this workload mounts today",
            )


def _strangers(plan: Plan, live: LiveObjects) -> Iterator[Refusal]:
    """A planned Service or claim must not reach into objects that the Plan does not hold."""
    planned = {(r.kind, r.object_name) for r in plan.of_kind(*POD_CONTROLLERS)}
    strangers = [c for c in live.controllers if (c["kind"], c["metadata"]["name"]) not in planned]
    externals = [dict(external.labels) for external in plan.external_workloads if external.labels]
    for stranger in strangers:
        label = f"{stranger['kind']}/{stranger['metadata']['name']}"
        labels: Mapping[str, str] = mapping(pod_template(stranger), "metadata", "labels")
        if any(other.items() <= labels.items() for other in externals):
            continue
        for service in plan.of_kind("Service"):
            selector: Mapping[str, str] = mapping(service.spec, "selector")
            if selector and selector.items() <= labels.items() and stranger["kind"] != "Job":
                yield Refusal(
                    name=f"Service/{service.object_name} selects {label}",
                    text="its traffic would reach pods that the program does not run",
                    fix="change the labels of that workload, or remove it, first",
                )
        for claim in plan.of_kind("PersistentVolumeClaim"):
            if claim.object_name in claims_of(stranger):
                yield Refusal(
                    name=f"PersistentVolumeClaim/{claim.object_name} mounted by {label}",
                    text="two owners would write to one volume",
                    fix="scale that workload to 0 and delete it when its claim is handed over",
                )


def _second_of_a_kind(plan: Plan, live: LiveObjects) -> Iterator[Refusal]:
    """Quotas and limits add up: a second one is never meant."""
    for kind in ("ResourceQuota", "LimitRange"):
        planned = {r.object_name for r in plan.of_kind(kind)}
        for found in live.of_kind(kind):
            name = found["metadata"]["name"]
            if planned and name not in planned:
                yield Refusal(
                    name=f"{kind}/{name} second",
                    text=f"is live beside the planned {_list(planned)}: both would count",
                    fix=f"give the planned one the live name, {name}",
                )


def foreign_routes(plan: Plan, live: LiveObjects) -> Iterator[Refusal]:
    """Yield the Ingresses, of any namespace, that the Plan does not hold and that change what its own ones serve."""
    planned = {route: r.object_name for r in plan.of_kind("Ingress") for route in _paths(r.manifest)}
    own = {(r.namespace, r.object_name) for r in plan.of_kind("Ingress")}
    for found in (*live.of_kind("Ingress"), *live.ingresses_elsewhere):
        namespace, name = found["metadata"].get("namespace", ""), found["metadata"]["name"]
        if (namespace, name) in own:
            continue
        shown = name if namespace == live.namespace else identifier(found["metadata"])
        routes = list(_paths(found))
        hosts = sorted({host for host, _ in planned} & {host for host, _ in routes})
        if hosts and plan.controller == "nginx" and _has_regular_expressions(found):
            yield Refusal(
                name=f"Ingress/{shown} regex",
                text="asks for paths that are regular expressions: ingress-nginx then reads every path of the host as"
                f" one, here on {', '.join(hosts)}",
                fix="give it a host of its own, or paths without regular expressions, first",
            )
        if taken := sorted(route for route in routes if route in planned):
            yield Refusal(
                name=f"Ingress/{shown} routes",
                text=f"serves {''.join(taken[0])} live, which {planned[taken[0]]} would serve: the webhook refuses it",
                fix="give the planned Ingress the live name, or delete the live one in the same maintenance step",
            )


def _has_regular_expressions(ingress: Object) -> bool:
    """Return whether it makes every path of its hosts a regular expression (ingress-nginx#11397)."""
    annotations = mapping(ingress, "metadata", "annotations")
    asked = str(annotations.get(f"{INGRESS_PREFIX}use-regex")).lower() == "true"
    return asked or f"{INGRESS_PREFIX}rewrite-target" in annotations


def _paths(ingress: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for rule in sequence(ingress, "spec", "rules"):
        for path in sequence(rule, "http", "paths"):
            yield str(rule.get("host", "")), str(path.get("path", "/"))


def _records(plan: Plan, live: LiveObjects) -> Iterator[Refusal]:
    """Other records of a managed name get their share of its traffic."""
    wanted = {(str(r.inputs["name"]), str(r.inputs["content"])) for r in plan.resources if r.kind == "DnsRecord"}
    for host, records in (live.records or {}).items():
        for record in records:
            if record.type == "CNAME":
                yield Refusal(
                    name=f"DnsRecord/{host} CNAME",
                    text=f"is a CNAME to {record.content}: no A record can be made beside it",
                    fix="replace the CNAME in the zone when the name moves",
                )
            elif record.type in TRAFFIC_TYPES and (record.type != "A" or (host, record.content) not in wanted):
                yield Refusal(
                    name=f"DnsRecord/{host}-{record.content} extra",
                    text=f"is {_article(record.type)} record that nobody plans: it keeps its share of the traffic",
                    fix="delete it if its node is gone, or add the node to gx-infra:dns",
                )


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'AHNS' else 'a'} {kind}"


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "no claim"
