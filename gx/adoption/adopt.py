"""Decides what adoption would do with each object: take over, import, create, or refuse (takeover.md 1 to 5)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any, cast

from common.dns import owner_comment
from common.fields import Difference, FieldChange, replacing, settled
from common.labels import CONFIG_CHECKSUM, FIELD_MANAGER
from common.objects import Object, identifier, mapping
from common.plan import Plan, Resource
from common.values import REDACTED, Secret, Unknown
from gx.adoption.live import POD_CONTROLLERS, LiveObjects, pod_template
from gx.adoption.refusals import Refusal, refusals
from gx.cluster.effect import changed, foreign, pruned
from rules.reachability.outvoted import not_in_force, opened
from rules.reachability.semantics import Policy, policy_from
from rules.reachability.world import planned_policies
from settings.adoption import DNS_RECORD

_FIXED = {"PersistentVolumeClaim": ("spec.resources",)}
"""Fields that the provider would try to change and local-path refuses: the size of a claim (takeover.md 10)."""


@unique
class Decision(StrEnum):
    """What adoption does with a planned object."""

    TAKE_OVER = "take over"
    IMPORT = "import"
    CREATE = "create"
    OWNED = "owned"
    CONFLICT = "conflict"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One planned object.

    Attributes:
        key: "Kind/name", as in the import map.
        decision: What adoption does with it.
        import_id: Its id, where it is live.
        changed: Fields that change when it is taken over.
        pruned: Fields that stay then, and that its next update removes.
        foreign: Fields that it would change but another manager owns, with that manager.
        replaced: Fields that make it a new object: always a refusal.
        restarts: Whether its pods are started again when it is taken over.
    """

    key: str
    decision: Decision
    import_id: str = ""
    changed: tuple[Difference, ...] = ()
    pruned: tuple[Difference, ...] = ()
    foreign: tuple[tuple[Difference, str], ...] = ()
    replaced: tuple[Difference, ...] = ()
    restarts: bool = False

    @property
    def lost(self) -> list[str]:
        """Names of the variables, keys, labels, guards and so on that would go: each must be accepted by name."""
        return sorted({name for difference in self.pruned for name in self.lost_with(difference)})

    def lost_with(self, difference: Difference) -> tuple[str, ...]:
        """Return the name by which the loss of a field is accepted; none where none is asked for."""
        name = _lost_name(self.key, difference)
        return (name,) if name else ()


@dataclass(frozen=True, kw_only=True)
class AdoptionReport:
    """What adoption would do with a network.

    Attributes:
        items: Every planned object.
        orphans: Live objects that nobody plans, as "Kind/name".
        refusals: What must be settled first.
        imports: Import id by "Kind/name".
        pod_security: What Pod Security restricted would refuse, in the server's words.
        dns_seen: Whether the zone was looked at.
        not_in_force: Why default deny would not be in force; empty where it would.
    """

    items: tuple[Item, ...]
    orphans: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    imports: Mapping[str, str] = field(default_factory=dict[str, str])
    pod_security: tuple[str, ...] = ()
    dns_seen: bool = True
    not_in_force: str = ""


def decide(
    plan: Plan, live: LiveObjects, *, zone_id: str, accepted: tuple[str, ...], kept_secrets: frozenset[str]
) -> AdoptionReport:
    """Return what adoption would do.

    Args:
        plan: The plan of the network.
        live: What was found.
        zone_id: Id of the DNS zone.
        accepted: Names of losses and refusals that somebody has accepted.
        kept_secrets: Encrypted settings that carry live secret values.
    """
    items = [item_of(resource, live) for resource in plan.objects]
    items += [
        _record(resource, live, zone_id, plan.network) for resource in plan.resources if resource.kind == DNS_RECORD
    ]
    found = [*refusals_of(items), *refusals(plan, live, kept_secrets)]
    return AdoptionReport(
        items=tuple(sorted(items, key=lambda item: item.key)),
        orphans=tuple(sorted(_orphans(plan, live))),
        refusals=tuple(refusal for refusal in found if refusal.name not in accepted),
        imports={item.key: item.import_id for item in items if item.import_id},
        pod_security=live.pod_security,
        dns_seen=live.records is not None,
        not_in_force=not_in_force(opened(plan, policies_by_hand(plan, live))),
    )


def policies_by_hand(plan: Plan, live: LiveObjects) -> list[Policy]:
    """Return the live policies of the network's namespaces that are not the program's own."""
    planned, own = {(p.namespace, p.name) for p in planned_policies(plan).all}, plan.own_namespaces
    return [
        policy_from(found, live=True)
        for (kind, namespace, name), found in live.objects.items()
        if kind == "NetworkPolicy" and namespace in own and (namespace, name) not in planned
    ]


def item_of(resource: Resource, live: LiveObjects) -> Item:
    """Return what adoption would do with one planned object, and what its updates do after it."""
    key = resource.location
    found = live.get(resource.kind, resource.namespace, resource.object_name)
    if found is None:
        return Item(key=key, decision=Decision.CREATE)
    wanted = wanted_over(resource, found)
    differing = changed(found, wanted)
    gone = pruned(found, wanted, FIELD_MANAGER)
    replaced = replacing(resource.kind, [*differing, *gone])
    replaced += [difference for difference in differing if difference.text.startswith(_FIXED.get(resource.kind, ()))]
    template = ("spec", "template")
    return Item(
        key=key,
        decision=Decision.CONFLICT if replaced else Decision.TAKE_OVER,
        import_id="" if replaced else identifier(resource.metadata),
        changed=tuple(differing),
        pruned=tuple(gone),
        foreign=tuple(foreign(found, wanted, FIELD_MANAGER)),
        replaced=tuple(replaced),
        restarts=any(difference.path[:2] == template for difference in differing),
    )


def wanted_over(resource: Resource, found: Object) -> Object:
    """Return a planned object as plain JSON; the live one's value stands for each that only the engine knows.

    A live checksum stands, too: it is keyed with a value of the engine's state.
    """
    wanted = cast("Object", filled(resource.manifest, settled(found)))
    if found["kind"] not in POD_CONTROLLERS:
        return wanted
    checksum = mapping(pod_template(found), "metadata", "annotations").get(CONFIG_CHECKSUM)
    annotations = mapping(pod_template(wanted), "metadata", "annotations")
    if checksum and CONFIG_CHECKSUM in annotations:
        annotations[CONFIG_CHECKSUM] = checksum
    return wanted


def filled(planned: Any, live: Any) -> Any:  # noqa: ANN401 any JSON
    """Return planned values as plain JSON: where only the engine knows one, the live value stands for "unchanged"."""
    if isinstance(planned, Secret | Unknown):
        return live if live is not None else REDACTED
    if isinstance(planned, Mapping):
        return {
            key: filled(value, cast("Mapping[str, Any]", live).get(key) if isinstance(live, Mapping) else None)
            for key, value in _as_data(cast("Mapping[str, Any]", planned)).items()
        }
    if isinstance(planned, list | tuple):
        items = cast("list[Any]", live) if isinstance(live, list) else []
        return [
            filled(value, items[number] if number < len(items) else None)
            for number, value in enumerate(cast("list[Any]", planned))
        ]
    return planned


def _as_data(planned: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a Secret's texts under the key that the server keeps them under, still marked as secret."""
    if planned.get("kind") != "Secret" or "stringData" not in planned:
        return planned
    rest = {key: value for key, value in planned.items() if key != "stringData"}
    return {**rest, "data": {**planned.get("data", {}), **planned["stringData"]}}


def _record(resource: Resource, live: LiveObjects, zone_id: str, network: str) -> Item:
    """Return what happens to a record of the zone.

    One that the program has written before is in its state. Imported again, it would be deleted: the engine compares
    the import id with the id in the state, which is another, and calls that a replacement.
    """
    key = f"{DNS_RECORD}/{resource.name}"
    wanted = resource.inputs
    for record in (live.records or {}).get(str(wanted["name"]), []):
        if record.type == wanted["type"] and record.content == wanted["content"]:
            pairs = (("ttl", record.ttl), ("proxied", record.proxied))
            differing = [
                Difference((name,), FieldChange.UPDATE, old, wanted[name]) for name, old in pairs if old != wanted[name]
            ]
            if record.comment == owner_comment(network):
                return Item(key=key, decision=Decision.OWNED, changed=tuple(differing))
            import_id = f"{zone_id}/{record.identifier}"
            return Item(key=key, decision=Decision.IMPORT, import_id=import_id, changed=tuple(differing))
    return Item(key=key, decision=Decision.CREATE)


def refusals_of(items: Iterable[Item]) -> Iterator[Refusal]:
    """Yield what must be settled about the fields of objects."""
    for item in items:
        for difference in item.replaced:
            yield Refusal(
                name=f"{item.key} {difference.text}",
                text="cannot be changed in place: the object would be replaced",
                fix="describe it as it is live; change it later, in a change of its own",
            )
        for difference, manager in item.foreign:
            yield Refusal(
                name=f"{item.key} {difference.text}",
                text=f"belongs to the field manager {manager}, which would write its own value again",
                fix="end that manager's work on it, or accept by name that it is overwritten",
            )
        for difference in item.pruned:
            if difference.path == ("spec", "replicas") and difference.old > 1:
                yield Refusal(
                    name=f"{item.key} spec.replicas",
                    text=f"would fall from {difference.old} to 1 until the autoscaler acts: only a hand tool owns it",
                    fix="apply spec.replicas alone, server-side, as the field manager hand-over-to-autoscaler, first",
                )
        for name in item.lost:
            yield Refusal(
                name=name,
                text="is set live and not planned: the first update after the take-over removes it",
                fix="add it to the settings, or accept its loss by name",
            )


def _lost_name(key: str, difference: Difference) -> str:
    """Return the name by which the loss of a field is accepted; empty where no name is asked for."""
    path = [str(part) for part in difference.path]
    for word, kind in (("env", "variable"), ("envFrom", "variables from")):
        if word in path:
            container = path[path.index("containers") + 1] if "containers" in path else ""
            rest = path[path.index(word) + 1 :]
            return f"{key} {kind} {container}/{rest[0] if rest else '*'}"
    if path[:2] == ["metadata", "finalizers"]:
        return f"{key} finalizer {path[2] if len(path) > 2 else '*'}"  # noqa: PLR2004 the finalizer itself
    if path[0] in {"data", "binaryData", "stringData"}:
        return f"{key} key {path[1] if len(path) > 1 else '*'}"
    for word in ("label", "annotation"):
        if f"{word}s" in path and not (word == "annotation" and path[-1].startswith(_OF_TOOLS)):
            name = path[-1] if path[-1] != f"{word}s" else "*"
            return f"{key} {'pod ' if 'template' in path else ''}{word} {name}"
    if _GUARDS & set(path) or (path[0] == "spec" and key.partition("/")[0] in _GUARDING):
        return f"{key} {difference.text}"
    return ""


_OF_TOOLS = ("kubectl.kubernetes.io/", "deployment.kubernetes.io/", "deprecated.daemonset.template.generation")
"""Annotations that a tool or a controller writes for itself."""
_GUARDS = {"limits", "livenessProbe", "loadBalancerSourceRanges", "readinessProbe", "securityContext"}
"""Fields that keep something out, within bounds, or away from traffic while it is not well."""
_GUARDING = {"Ingress", "LimitRange", "NetworkPolicy", "PodDisruptionBudget", "ResourceQuota"}
"""Kinds of which every field says who may do what, or how much."""


_SYSTEM = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
_NEVER_ORPHANS = ("Namespace", "Pod")


def _orphans(plan: Plan, live: LiveObjects) -> Iterator[str]:
    """Yield what lives in the namespace and neither the Plan nor anybody that it knows of accounts for."""
    planned = {(r.kind, r.namespace, r.object_name) for r in plan.objects}
    known = {(external.kind, external.namespace, external.name) for external in plan.externals}
    names = {external.name for external in plan.external_workloads}
    for key, found in live.objects.items():
        kind, namespace, name = key
        if key in planned or key in known or namespace != live.namespace or kind in _NEVER_ORPHANS:
            continue
        metadata = found["metadata"]
        ours_by_owner = bool(metadata.get("ownerReferences"))
        belongs_to_external = any(name == other or name.startswith(f"{other}-") for other in names)
        token = kind == "Secret" and found.get("type") == "kubernetes.io/service-account-token"
        if not ours_by_owner and not belongs_to_external and not token and (kind, name) not in _SYSTEM:
            yield f"{kind}/{name}"
