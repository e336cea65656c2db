"""A difference as a user reads it in a terminal, as a pull request shows it, and as programs take it."""

import difflib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from common.errors import InputError
from common.fields import Difference
from common.plan import Plan
from common.values import plain
from gx.diff.changes import Action, ResourceChange, changes
from gx.diff.risks import Risk, risks

SIGN = {Action.CREATE: "+", Action.DELETE: "-", Action.REPLACE: "±", Action.UPDATE: "~"}
STYLE = {Action.CREATE: "green", Action.DELETE: "red", Action.REPLACE: "bold magenta", Action.UPDATE: "yellow"}
LONGEST = 90
MOST_LINES = 24
"""Of a text that changed: the rest is counted."""
MOST_FIELDS = 60


@dataclass(frozen=True, kw_only=True)
class NetworkDiff:
    """What happens to one network.

    Attributes:
        network: Its name.
        changes: What changes.
        risks: What that can cost.
        refused: The lines by which its program refuses the input, before or after: then nothing is compared.
    """

    network: str
    changes: tuple[ResourceChange, ...] = ()
    risks: tuple[Risk, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def protected(self) -> list[ResourceChange]:
        """Changes of what the engine guards."""
        return [change for change in self.changes if change.protected]

    @property
    def summary(self) -> str:
        """Counts in words."""
        if self.refused:
            return "refused, not compared"
        if not self.changes:
            return "no change"
        counts = Counter(change.action for change in self.changes)
        return ", ".join(f"{counts[action]} to {action.value}" for action in Action if counts[action])


def network_diff(network: str, before: Plan | InputError | None, after: Plan | InputError | None) -> NetworkDiff:
    """Return what happens to a network between two Plans; None where it does not exist, an error if it is refused."""
    if isinstance(before, InputError) or isinstance(after, InputError):
        refused = tuple(str(one) for one in (before, after) if isinstance(one, InputError))
        return NetworkDiff(network=network, refused=refused)
    found = changes(before, after)
    return NetworkDiff(network=network, changes=tuple(found), risks=tuple(risks(found, before, after)))


def print_diff(console: Console, found: Sequence[NetworkDiff]) -> None:
    """Print what happens to every network."""
    for network in found:
        console.print(Text(f"{network.network}: {network.summary}", style="bold"))
        for risk in network.risks:
            console.print(Text(f"  ! {risk.kind.value}: {risk.location} {risk.text}", style="red"), soft_wrap=True)
        for change in network.changes:
            guard = "  (protected)" if change.protected else ""
            line = f"  {SIGN[change.action]} {change.location}{guard}"
            console.print(Text(line, style=STYLE[change.action]), soft_wrap=True)
            for text in field_lines(change):
                console.print(Text(f"      {text}"), soft_wrap=True)


def field_lines(change: ResourceChange) -> Iterator[str]:
    """Yield the lines about the fields of a change; a secret's value never stands in them."""
    replaced = {difference.text for difference in change.replaced_by}
    for difference in change.fields[:MOST_FIELDS]:
        why = "  forces the replacement" if difference.text in replaced else ""
        yield from _field(difference, why)
    if len(change.fields) > MOST_FIELDS:
        yield f"... and {len(change.fields) - MOST_FIELDS} more fields"


def _field(difference: Difference, why: str) -> Iterator[str]:
    old, new = (plain(value) for value in (difference.old, difference.new))
    if isinstance(old, str) and isinstance(new, str) and "\n" in old + new:
        lines = [*difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1)][2:]
        yield f"{difference.text}: {sum(line[:1] in '+-' for line in lines)} lines differ{why}"
        yield from (f"  {line[:LONGEST]}" for line in lines[:MOST_LINES])
        if len(lines) > MOST_LINES:
            yield f"  ... and {len(lines) - MOST_LINES} lines more"
        return
    yield value_line(difference) + why


def value_line(difference: Difference) -> str:
    """Return one line about a field: path, value before, value after."""
    return f"{difference.text}: {_value(plain(difference.old))} → {_value(plain(difference.new))}"


def _value(value: Any) -> str:  # noqa: ANN401 any JSON
    if value is None:
        return "(none)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text.replace("\n", "⏎")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def as_markdown(title: str, found: Sequence[NetworkDiff]) -> str:
    """Return what happens as a comment of a pull request: risks first, fields folded."""
    lines = [f"### {title}", ""]
    for network in found:
        lines += [f"**{network.network}**: {network.summary}", ""]
        lines += [f"> {_cell(line)}" for line in network.refused] + [""] * bool(network.refused)
        if network.risks:
            lines += ["| risk | object | what happens |", "|---|---|---|"]
            lines += [f"| {r.kind.value} | `{_cell(r.location)}` | {_cell(r.text)} |" for r in network.risks]
            lines.append("")
        for change in network.changes:
            guard = " **protected**" if change.protected else ""
            head = f"{SIGN[change.action]} {change.action.value} <code>{change.location}</code>{guard}"
            fields = list(field_lines(change))
            if not fields:
                lines += [head, ""]
                continue
            lines += [f"<details><summary>{head}, {len(change.fields)} fields</summary>", "", "```diff"]
            lines += [line.replace("```", "'''") for line in fields]
            lines += ["```", "</details>", ""]
    return "\n".join(lines).rstrip() + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def as_json(base: str, head: str, found: Sequence[NetworkDiff]) -> str:
    """Return what happens as JSON; secret values are redacted."""
    document = {
        "base": base,
        "head": head,
        "networks": [
            {
                "network": network.network,
                **({"refused": list(network.refused)} if network.refused else {}),
                "protected": [change.location for change in network.protected],
                "risks": [{"kind": r.kind.value, "place": r.location, "text": r.text} for r in network.risks],
                "changes": [_change(change) for change in network.changes],
            }
            for network in found
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _change(change: ResourceChange) -> Mapping[str, Any]:
    return {
        "action": change.action.value,
        "kind": change.resource.kind,
        "namespace": change.resource.namespace,
        "name": change.resource.object_name,
        "protected": change.protected,
        "replacedBy": [difference.text for difference in change.replaced_by],
        "fields": [
            {
                "path": difference.text,
                "change": difference.change.value,
                "before": plain(difference.old),
                "after": plain(difference.new),
            }
            for difference in change.fields
        ],
    }
