"""What a person reads of an adoption."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console

from gx.fields import Change, Difference
from gx.operate.adopt import Adoption, Decision, Item

_QUIET = ("env", "data", "stringData", "annotations")
"""Where values may be secret, or mean nothing to a person: only the path is shown."""


def print_adoption(adoption: Adoption, console: Console) -> None:
    """Print decisions, differences by group, orphans, what Pod Security would refuse, refusals."""
    for item in adoption.items:
        _print_item(item, console)
    if adoption.orphans:
        kinds = Counter(name.split("/")[0] for name in adoption.orphans)
        console.print(f"orphans: live, and planned by nobody ({_counted(kinds)})")
        for name in adoption.orphans:
            console.print(f"  {name}")
    if any(name.startswith("NetworkPolicy/") for name in adoption.orphans):
        console.print(
            "  policies add up: what an old one allows, default deny does not deny; a step of its own removes them"
        )
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
        console.print(f"create    {item.key}")
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
        yield f"will change: {len(noise)} labels and annotations of the program's own"
    yield from _group("will be pruned", item.pruned)
    yield from (f"owned by {manager}: {difference.text}" for difference, manager in item.foreign)


def _group(title: str, found: Sequence[Difference]) -> Iterator[str]:
    return (f"{title}: {difference.text}{_values(difference)}" for difference in found)


def _values(difference: Difference) -> str:
    if any(part in _QUIET for part in difference.path) or difference.change is Change.DELETE:
        return ""
    if difference.change is Change.ADD:
        return f" = {_short(difference.new)}"
    return f": {_short(difference.old)} -> {_short(difference.new)}"


def _short(value: Any) -> str:  # noqa: ANN401 any JSON
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 what fits on a line


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing"
