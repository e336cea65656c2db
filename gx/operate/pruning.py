"""What the next update of live objects removes besides: fields that only the live objects have (takeover.md 4)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gx.diff.model import Action, Change
from gx.operate.adopt import item_of
from gx.operate.live import Live


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """A field that goes with the next update of its object, without being part of it.

    Attributes:
        place: The object, as "Kind/name".
        field: The field, as the engine writes it.
        names: The names by which its loss is accepted; none where none is asked for.
    """

    place: str
    field: str
    names: tuple[str, ...] = ()


def also_removed(changes: Iterable[Change], live: Live) -> Iterator[Pruned]:
    """Yield what updates would remove besides: the provider takes over what hand tools own, and prunes it."""
    for change in changes:
        resource = change.after
        if change.action is not Action.UPDATE or resource is None or not resource.is_object:
            continue
        if live.get(resource.kind, resource.namespace, resource.object_name) is None:
            continue
        item = item_of(resource, live)
        for difference in item.pruned:
            yield Pruned(place=item.key, field=difference.text, names=item.lost_with(difference))


def not_accepted(found: Iterable[Pruned], accepted: Iterable[str]) -> list[str]:
    """Return the names of losses that nobody has accepted."""
    known = set(accepted)
    return sorted({name for one in found for name in one.names if name not in known})
