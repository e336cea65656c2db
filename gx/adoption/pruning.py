"""What the next update of live objects removes besides: fields that only the live objects have (takeover.md 4)."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from common.objects import Object
from common.plan import Plan, Resource
from gx.adoption.adopt import item_of, refusals_of
from gx.adoption.live import LiveObjects
from gx.cluster.effect import Path, without
from gx.cluster.kubernetes_api import ApiError, KubernetesApi, Reason

MANAGER = "gx-prune"
ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """A field that goes with the next update of its object, without being part of it.

    Attributes:
        location: The object, as "Kind/name".
        field: The field, as the engine writes it.
        names: The names by which its loss is accepted; none where none is asked for.
    """

    location: str
    field: str
    names: tuple[str, ...] = ()


def also_removed(updated: Iterable[Resource], live: LiveObjects) -> Iterator[Pruned]:
    """Yield what updates would remove besides: the provider takes over what hand tools own, and prunes it."""
    for resource in updated:
        if not resource.is_object or live.get(resource.kind, resource.namespace, resource.object_name) is None:
            continue
        item = item_of(resource, live)
        for difference in item.pruned:
            yield Pruned(location=item.key, field=difference.text, names=item.lost_with(difference))


def not_accepted(found: Iterable[Pruned], accepted: Iterable[str]) -> list[str]:
    """Return the names of losses that nobody has accepted."""
    known = set(accepted)
    return sorted({name for one in found for name in one.names if name not in known})


@dataclass(frozen=True, kw_only=True)
class Removal:
    """One object of which fields that only it has are removed on purpose.

    Attributes:
        location: The object, as "Kind/name".
        fields: The fields, as the engine writes them.
        kept: Why they stay; empty where they go.
        paths: Where they are.
        found: The object as it was read.
    """

    location: str
    fields: tuple[str, ...]
    kept: tuple[str, ...]
    paths: tuple[Path, ...]
    found: Object


def removals(plan: Plan, live: LiveObjects, accepted: Collection[str], *, restart: bool) -> Iterator[Removal]:
    """Yield what could be removed from the live objects of a Plan now, before an update of them does it.

    Args:
        plan: What the stack manages.
        live: What lives.
        accepted: Names of losses that were accepted.
        restart: Whether fields of a pod template may go: its pods start again.
    """
    for resource in plan.objects:
        found = live.get(resource.kind, resource.namespace, resource.object_name)
        if found is None or not (item := item_of(resource, live)).pruned:
            continue
        kept = [f"{refusal.name}: {refusal.text}" for refusal in refusals_of([item]) if refusal.name not in accepted]
        paths = [difference.path for difference in item.pruned]
        if not restart and any(path[:2] == ("spec", "template") for path in paths):
            kept.append("its pods would start again; fix: --restart")
        fields = tuple(difference.text for difference in item.pruned)
        yield Removal(location=item.key, fields=fields, kept=tuple(kept), paths=tuple(paths), found=found)


def remove(api: KubernetesApi, removal: Removal, *, dry_run: bool) -> None:
    """Remove fields of one object, or only try it. Its status may have moved since it was read, nothing else.

    Raises:
        ApiError: The server refuses, or the object has changed.
    """
    live = removal.found
    for attempt in range(1, ATTEMPTS + 1):
        try:
            api.replace(without(live, removal.paths), manager=MANAGER, dry_run=dry_run)
        except ApiError as error:
            if error.reason != Reason.CONFLICT or attempt == ATTEMPTS:
                raise
            named = live["metadata"]
            now = api.get(live["apiVersion"], live["kind"], named.get("namespace", ""), named["name"])
            if now is None or _wanted(now) != _wanted(removal.found):
                raise
            live = now
        else:
            return


def _wanted(live: Object) -> Object:
    """Return an object without what the server itself keeps changing."""
    metadata = {
        key: value for key, value in live["metadata"].items() if key not in {"managedFields", "resourceVersion"}
    }
    return {**live, "metadata": metadata, "status": None}
