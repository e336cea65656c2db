"""What a user reads of an adoption."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console

from common.fields import Difference, FieldChange, Path
from gx.adoption.adopt import AdoptionReport, Decision, Item

_QUIET = frozenset(
    ("annotations", "args", "binaryData", "command", "data", "env", "envFrom", "exec", "httpHeaders", "stringData")
)
"""Where every value may be secret, numbers as well."""
_SHOWN = frozenset(
    (
        *("accessModes", "clusterIP", "concurrencyPolicy", "containerPort", "dnsPolicy", "externalTrafficPolicy"),
        *("fsGroupChangePolicy", "image", "imagePullPolicy", "ingressClassName", "internalTrafficPolicy", "kind"),
        *("maxSurge", "maxUnavailable", "minAvailable", "nodePort", "operator", "pathType", "podManagementPolicy"),
        *("policyTypes", "port", "priorityClassName", "protocol", "restartPolicy", "schedule", "schedulerName"),
        *("scheme", "serviceAccountName", "serviceName", "sessionAffinity", "storageClassName", "targetPort"),
        *("terminationMessagePolicy", "timeZone", "topologyKey", "type", "volumeMode", "whenUnsatisfiable"),
    )
)
"""Fields whose text is a word of Kubernetes, a name, a port, an image or a time: they hold no secret."""
_SHOWN_BELOW = frozenset(
    (
        *("labels", "matchLabels", "nodeSelector", "selector"),
        *("capacity", "default", "defaultRequest", "hard", "limits", "max", "min", "requests"),
    )
)
"""What holds nothing but labels or quantities."""


def print_adoption(adoption: AdoptionReport, console: Console) -> None:
    """Print decisions, differences by group, orphans, what Pod Security would refuse, refusals."""
    for item in adoption.items:
        _print_item(item, console)
    if adoption.orphans:
        kinds = Counter(name.split("/")[0] for name in adoption.orphans)
        console.print(f"orphans: live, and planned by nobody ({_counted(kinds)})")
        for name in adoption.orphans:
            console.print(f"  {name}")
    if adoption.not_in_force:
        console.print(adoption.not_in_force)
    if adoption.pod_security:
        console.print("Pod Security restricted would refuse:")
        for line in adoption.pod_security:
            console.print(f"  {line}")
    if not adoption.dns_seen:
        console.print("DNS was not looked at: CLOUDFLARE_API_TOKEN or gx-infra:cloudflare.zoneId is not set")
    decisions = Counter(item.decision.value for item in adoption.items)
    restarts = sum(item.restarts for item in adoption.items)
    console.print(f"{_counted(decisions)}; {len(adoption.orphans)} orphans; {restarts} workloads would restart")
    for refusal in adoption.refusals:
        console.print(f"refused: {refusal.name}: {refusal.text}; fix: {refusal.fix}")


def _print_item(item: Item, console: Console) -> None:
    if item.decision is Decision.CREATE:
        console.print(f"{item.decision.value:<9} {item.key}")
        return
    console.print(f"{item.decision.value:<9} {item.key}{'  (pods restart)' if item.restarts else ''}")
    for line in item_lines(item):
        console.print(f"  {line}")


def item_lines(item: Item) -> Iterator[str]:
    """Yield what adoption does to the fields of an object; values that may be secret are never among them."""
    yield from _group("would be replaced by", item.replaced)
    changes = [d for d in item.changed if d not in item.replaced]
    noise = [d for d in changes if d.path[:2] in {("metadata", "labels"), ("metadata", "annotations")}]
    yield from _group("will change", [d for d in changes if d not in noise])
    if noise:
        count = sum(len(d.new) if len(d.path) == 2 else 1 for d in noise)  # noqa: PLR2004 all of them at once
        yield f"will change: {count} labels and annotations of the program's own"
    yield from _group("stays, and its next update prunes it", item.pruned)
    yield from (f"owned by {manager}: {difference.text}" for difference, manager in item.foreign)


def _group(title: str, found: Sequence[Difference]) -> Iterator[str]:
    return (f"{title}: {difference.text}{_values(difference)}" for difference in found)


def _values(difference: Difference) -> str:
    """Return the values of a field that is known to be harmless: whatever else a live object holds may be a secret."""
    if difference.change is FieldChange.DELETE:
        return ""
    if difference.change is FieldChange.ADD:
        return f" = {_short(difference.new)}" if _harmless(difference.path, difference.new) else ""
    if not all(_harmless(difference.path, value) for value in (difference.old, difference.new)):
        return ": differs"
    return f": {_short(difference.old)} -> {_short(difference.new)}"


def _harmless(path: Path, value: object) -> bool:
    names = [str(part) for part in path]
    if _QUIET & set(names):
        return False
    if value is None or isinstance(value, bool | int | float):
        return True
    if not isinstance(value, str):
        return False
    field = next((part for part in reversed(path) if isinstance(part, str)), "")  # an item of a list has a number
    return field in _SHOWN or bool(_SHOWN_BELOW & set(names))


def _short(value: Any) -> str:  # noqa: ANN401 any JSON
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 what fits on a line


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing"
