"""A Plan as a user reads it: components, their objects, counts, outputs, findings."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, cast

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.text import Text
from rich.tree import Tree

from catalogue import CATALOGUE
from common.plan import Plan, Resource
from gx.plan.purposes import COMPONENT_PURPOSE, KIND_PURPOSE, program_order
from gx.plan.render import apply_order
from rules.finding import Finding, Severity

_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def plan_tree(plan: Plan) -> Tree:
    """Return the tree of components and objects: kind, name and what it is for."""
    tree = Tree(f"[bold]{escape(plan.network)}[/] · namespace {escape(plan.namespace)}", guide_style="dim")
    _grow(tree, plan, "")
    return tree


def _grow(branch: Tree, plan: Plan, parent: str) -> None:
    children = plan.children(parent)
    for component in sorted((child for child in children if not child.custom), key=program_order):
        workload = CATALOGUE.get(component.name) if component.kind == "Workload" else None
        purpose = workload.purpose if workload else COMPONENT_PURPOSE.get(component.kind, "")
        _grow(branch.add(f"[bold]{component.kind}[/] {escape(component.name)} [dim]{purpose}[/]"), plan, component.urn)
    for resource in sorted((child for child in children if child.custom), key=apply_order):
        branch.add(_leaf(resource))


def _leaf(resource: Resource) -> str:
    if resource.type.startswith("pulumi:providers:"):
        return f"provider {escape(resource.kind)} [dim]version {resource.options.version}[/]"
    marks = [
        word
        for word, holds in (
            ("protected", resource.options.protect),
            ("retained", resource.options.retain_on_delete),
            ("depends on an unknown value", bool(resource.unknown_paths)),
        )
        if holds
    ]
    purpose = "exists, is read" if resource.read else KIND_PURPOSE.get(resource.kind, "")
    name = resource.inputs.get("id", resource.name) if resource.read else resource.object_name
    shown = f"{resource.kind} {escape(str(name))} [dim]{purpose}[/]"
    return shown + (f" [yellow]{', '.join(marks)}[/]" if marks else "")


def summary(plan: Plan) -> str:
    """Return the counts of a Plan in one line."""
    kinds = Counter(resource.kind for resource in plan.objects)
    records = sum(resource.kind == "DnsRecord" for resource in plan.resources)
    shown = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return f"{len(plan.objects)} objects ({shown}), {records} DNS records"


def _outputs(plan: Plan) -> Iterable[str]:
    for name, value in plan.outputs.items():
        if isinstance(value, dict):
            entries = cast("dict[str, Any]", value)
            yield f"  {name}:"
            yield from (f"    {key}: {entry}" for key, entry in entries.items())
        elif isinstance(value, list):
            yield f"  {name}: " + ", ".join(
                " ".join(str(part) for part in cast("dict[str, Any]", entry).values())
                for entry in cast("list[Any]", value)
            )
        else:
            yield f"  {name}: {value}"


def findings_text(findings: Sequence[Finding]) -> list[RenderableType]:
    """Return one line per finding, then how many there are of each severity."""
    lines: list[RenderableType] = []
    for finding in findings:
        line = Text("  ")
        line.append(f"{finding.severity.value}", style=_STYLE[finding.severity])
        line.append(f" {finding.check} {finding.location}: {finding.text}")
        lines.append(line)
    counts = Counter(finding.severity for finding in findings)
    lines.append(Text("  " + ", ".join(f"{counts[severity]} {severity.value}s" for severity in Severity)))
    return lines


def print_plan(console: Console, plan: Plan, findings: Sequence[Finding], seconds: float, seen: str) -> None:
    """Print tree, counts, outputs, findings, how long it took, and what was looked at beside the files."""
    console.print(plan_tree(plan), soft_wrap=True)
    console.print(
        Group(
            Text(),
            Text(summary(plan)),
            Text(),
            Text("Outputs", style="bold"),
            *(Text(line) for line in _outputs(plan)),
            Text(),
            Text("Findings", style="bold"),
            *findings_text(findings),
            Text(),
            Text(f"{plan.network}: previewed in {seconds:.1f} s; {seen}, nothing was changed"),
        ),
        soft_wrap=True,
    )
