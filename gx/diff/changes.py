"""What happens to each registration between two Plans."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique

from common.fields import Difference, FieldChange, differences, replacing
from common.plan import Plan, Resource
from gx.diff.rules import comparable

OPTIONS = ("protect", "retain_on_delete", "ignore_changes", "delete_before_replace", "import_id")
"""Options whose change matters to a user; the others follow from them or from the inputs."""


@unique
class Action(StrEnum):
    """What the engine would do."""

    CREATE = "create"
    DELETE = "delete"
    REPLACE = "replace"
    UPDATE = "update"


@dataclass(frozen=True, kw_only=True)
class ResourceChange:
    """One registration that differs.

    Attributes:
        action: What the engine would do.
        before: The registration before; None for a new one.
        after: The registration after; None for one that goes.
        fields: What differs in inputs and options.
        replaced_by: The fields that make the provider replace it.
    """

    action: Action
    before: Resource | None
    after: Resource | None
    fields: tuple[Difference, ...] = ()
    replaced_by: tuple[Difference, ...] = ()

    @property
    def resource(self) -> Resource:
        """The registration after, or before where it goes."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def location(self) -> str:
        """Kind and name, as a user writes it."""
        return self.resource.location

    @property
    def protected(self) -> bool:
        """Whether the engine guards it, before or after."""
        return any(one is not None and one.options.protect for one in (self.before, self.after))


def updated(found: Iterable[ResourceChange]) -> list[Resource]:
    """Return the registrations that are updated in place, as they are after it."""
    return [change.resource for change in found if change.action is Action.UPDATE]


def changes(before: Plan | None, after: Plan | None) -> list[ResourceChange]:
    """Return what a change does to the registrations of one network.

    Args:
        before: The Plan before; None where the network did not exist.
        after: The Plan after; None where it goes.
    """
    old = {resource.urn: resource for resource in before.resources if resource.custom} if before else {}
    new = {resource.urn: resource for resource in after.resources if resource.custom} if after else {}
    renamed = _renamed(old, new)
    found = [*_kept(old, new, renamed)]
    gone = [r for urn, r in old.items() if urn not in new and urn not in renamed.values()]
    come = [r for urn, r in new.items() if urn not in old and urn not in renamed]
    found += _moved(gone, come)
    found += [
        ResourceChange(action=Action.DELETE, before=resource, after=None) for resource in gone if not resource.read
    ]
    found += [
        ResourceChange(action=Action.CREATE, before=None, after=resource) for resource in come if not resource.read
    ]
    order = list(Action)
    return sorted(found, key=lambda change: (change.location, order.index(change.action)))


def _renamed(old: Mapping[str, Resource], new: Mapping[str, Resource]) -> dict[str, str]:
    """Return the old urn of each new registration that names it as an alias."""
    return {
        urn: alias
        for urn, resource in new.items()
        if urn not in old
        for alias in resource.options.aliases
        if alias in old
    }


def _kept(
    old: Mapping[str, Resource], new: Mapping[str, Resource], renamed: Mapping[str, str]
) -> Iterator[ResourceChange]:
    for urn, after in new.items():
        before = old.get(urn) or old.get(renamed.get(urn, ""))
        if before is not None and not after.read:
            fields = [*differences(comparable(before.manifest), comparable(after.manifest)), *_options(before, after)]
            if fields:
                by = replacing(after.kind, fields)
                action = Action.REPLACE if by else Action.UPDATE
                yield ResourceChange(
                    action=action, before=before, after=after, fields=tuple(fields), replaced_by=tuple(by)
                )


def _moved(gone: list[Resource], come: list[Resource]) -> Iterator[ResourceChange]:
    """Pair what goes and comes under the same name in the cluster: one object, deleted and made again."""
    waiting = {_identity(resource): resource for resource in gone if resource.is_object}
    for after in [*come]:
        before = waiting.get(_identity(after)) if after.is_object else None
        if before is not None:
            gone.remove(before)
            come.remove(after)
            fields = [Difference(("urn",), FieldChange.UPDATE, before.urn, after.urn)]
            fields += differences(comparable(before.manifest), comparable(after.manifest))
            yield ResourceChange(
                action=Action.REPLACE, before=before, after=after, fields=tuple(fields), replaced_by=tuple(fields[:1])
            )


def _identity(resource: Resource) -> tuple[str, str, str]:
    return resource.type, resource.namespace, resource.object_name


def _options(before: Resource, after: Resource) -> Iterator[Difference]:
    old = {name: getattr(before.options, name) for name in OPTIONS}
    new = {name: getattr(after.options, name) for name in OPTIONS}
    yield from differences(old, new, ("options",))
