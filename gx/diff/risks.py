"""What a change can cost, in a user's words: data, downtime, restarts, passwords, names."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, unique

from common.objects import mapping
from common.plan import Plan, Resource
from common.pods import RUNNERS, pod_groups
from gx.diff.changes import Action, ResourceChange

DATA = frozenset({"Namespace", "PersistentVolumeClaim", "StatefulSet"})
SERVING = frozenset({"Deployment", "DaemonSet", "Ingress", "Service", "StatefulSet"})


@unique
class RiskKind(StrEnum):
    """What is at stake, the worst first."""

    DATA_LOSS = "data loss"
    DOWNTIME = "downtime"
    UNGUARDED = "guard removed"
    SECRET = "secret rotated"
    RESTART = "restart"
    DNS = "DNS"
    TRAFFIC = "traffic"
    JOB = "job runs"


@dataclass(frozen=True, kw_only=True)
class Risk:
    """One thing that a change can cost.

    Attributes:
        kind: What is at stake.
        location: The object.
        text: What happens.
    """

    kind: RiskKind
    location: str
    text: str


def risks(found: list[ResourceChange], before: Plan | None, after: Plan | None) -> list[Risk]:
    """Return what the changes of one network can cost, the worst first."""
    order, old, new = list(RiskKind), _pods(before), _pods(after)
    every = [risk for change in found for risk in _risks(change, old, new)]
    if before and after:
        every += _bucket(before, after)
    return sorted(every, key=lambda risk: (order.index(risk.kind), risk.location))


def _bucket(before: Plan, after: Plan) -> Iterator[Risk]:
    """The bucket is no resource of the engine: no change of an object tells that another one is read from now on."""
    old, new = (mapping(plan.outputs, "storage").get("bucket") for plan in (before, after))
    if old and new and old != new:
        text = f"{old} is {new} from now on: every message and file stays behind in the old bucket, unread"
        yield Risk(kind=RiskKind.DATA_LOSS, location="outputs.storage.bucket", text=text)


def _pods(plan: Plan | None) -> dict[str, int]:
    return {group.name: group.steady for group in pod_groups(plan)} if plan else {}


def _risks(change: ResourceChange, old: dict[str, int], new: dict[str, int]) -> Iterator[Risk]:
    kind, location = change.resource.kind, change.location
    if change.action in {Action.DELETE, Action.REPLACE}:
        yield from _loss(change)
    if kind == "RandomPassword" and change.action is not Action.UPDATE:
        yield from _rotated(change)
    if kind == "DnsRecord":
        yield Risk(kind=RiskKind.DNS, location=location, text=_record(change))
    if kind in {"NetworkPolicy", "Ingress"}:
        yield Risk(
            kind=RiskKind.TRAFFIC,
            location=location,
            text=f"{change.action.value}d: see `gx reach` for who reaches whom",
        )
    if kind == "Job" and change.action is Action.CREATE:
        yield Risk(kind=RiskKind.JOB, location=location, text="runs once more: what it runs has changed")
    if change.before and change.after and change.before.options.protect and not change.after.options.protect:
        yield Risk(kind=RiskKind.UNGUARDED, location=location, text="the engine may delete it from now on")
    if change.action is Action.UPDATE and _rolls(change):
        yield Risk(kind=RiskKind.RESTART, location=location, text=_restart(change.resource, old, new))


def _loss(change: ResourceChange) -> Iterator[Risk]:
    before, kind = change.before, change.resource.kind
    assert before is not None
    done = (
        "deleted" if change.action is Action.DELETE else f"replaced ({', '.join(d.text for d in change.replaced_by)})"
    )
    if kind in DATA and before.options.retain_on_delete and change.action is Action.DELETE:
        text = "leaves the state and stays in the cluster: nobody manages it any more"
        yield Risk(kind=RiskKind.UNGUARDED, location=change.location, text=text)
    elif kind in {"Namespace", "PersistentVolumeClaim"}:
        yield Risk(kind=RiskKind.DATA_LOSS, location=change.location, text=f"{done}: what it holds is gone")
    elif kind in SERVING:
        until = "for good" if change.action is Action.DELETE else "until the new one is ready"
        yield Risk(kind=RiskKind.DOWNTIME, location=change.location, text=f"{done}: the service is down {until}")


def _rotated(change: ResourceChange) -> Iterator[Risk]:
    words = {Action.CREATE: "a new value", Action.DELETE: "the old value goes", Action.REPLACE: "a new value"}
    yield Risk(kind=RiskKind.SECRET, location=change.location, text=f"{words[change.action]}; its readers restart")


def _record(change: ResourceChange) -> str:
    if change.action is Action.DELETE:
        return "withdrawn: its node serves no user of this host any more"
    return "added: its node begins to serve users" if change.action is Action.CREATE else "changed"


def _rolls(change: ResourceChange) -> bool:
    template = any(difference.path[:2] == ("spec", "template") for difference in change.fields)
    return template and change.resource.kind in RUNNERS


def _restart(resource: Resource, old: dict[str, int], new: dict[str, int]) -> str:
    if resource.kind == "DaemonSet":
        return "one pod on each node, one after another"
    count = max(counts.get(resource.object_name, 0) for counts in (old, new))
    text = f"{count} pod{'' if count == 1 else 's'}"
    recreated = resource.spec.get("strategy", {}).get("type") == "Recreate" or resource.kind == "StatefulSet"
    return f"{text}; the service is down during the restart" if recreated and count == 1 else text
