"""Pages that are generated: commands, settings, services, checks, and the lists of alerts and decisions."""

import re
from collections.abc import Iterator
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from catalogue import CATALOGUE
from catalogue.feature_gates import FeatureGate
from catalogue.managed_components import ManagedComponent
from gx.cli.main import app
from rules import RULES
from settings.monitoring.rules import groups
from settings.offline import offline_settings
from settings.project import PROJECT, ROOT, declared_keys, networks
from settings.schema import stack_file_schema


def generated() -> dict[str, str]:
    """Return the text of each generated page by its path below docs/."""
    return {
        "reference/commands.md": commands(),
        "reference/settings.md": settings(),
        "reference/services.md": services(),
        "reference/checks.md": checks(),
        "runbooks/alerts/index.md": alerts(),
        "adr/index.md": decisions(),
    }


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table of Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


def commands() -> str:
    """Return the page of the commands, as `--help` has them."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    head = "# Commands\n\n`gx --install-completion` makes your shell complete commands and options.\n"
    return "\n".join([head, *_group("gx", root)])


def _group(path: str, group: TyperGroup) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _group(f"{path} {name}", command)
        elif isinstance(command, TyperCommand):
            yield _command(f"{path} {name}", command)


def _command(path: str, command: TyperCommand) -> str:
    context = typer.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    rows = [
        (f"`{record[0]}`", record[1])
        for parameter in command.get_params(context)
        if parameter.name != "help" and (record := parameter.get_help_record(context))
    ]
    text = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    options = table(("argument or option", "what it does"), rows) if rows else ""
    return f"## {path}\n\n```text\n{usage}\n```\n\n{text}\n\n{options}"


def settings() -> str:
    """Return the page of the settings, from the schema of the stack files."""
    schema = stack_file_schema()
    entries = schema["properties"]["config"]["properties"]
    declared = declared_keys()
    required = set(schema["properties"]["config"]["required"])
    rows = [
        (
            f"`{key.removeprefix(f'{PROJECT}:')}`",
            _type(entry),
            "required" if key in required else _default(declared.get(key.removeprefix(f"{PROJECT}:"), {})),
            str(entry.get("description", "")),
        )
        for key, entry in entries.items()
    ]
    parts = [
        "# Settings",
        "What `Pulumi.NETWORK.yaml` may hold below `config`, each key after `gx-infra:`. Unknown keys are refused.",
        table(("key", "type", "default", "meaning"), rows),
        "## Feature gates",
        "Changes to what an adopted network runs, off until the setting `featureGates` lists them.",
        table(("feature gate", "what it changes"), [(f"`{gate.value}`", gate.text) for gate in FeatureGate]),
        "## Managed components",
        "Components that the setting `managedComponents` enables, in the order in which a network is adopted: "
        + ", ".join(f"`{component.value}`" for component in ManagedComponent)
        + ".",
        *(_shape(name, shape) for name, shape in sorted(schema["$defs"].items()) if "properties" in shape),
    ]
    return "\n\n".join(parts) + "\n"


def _shape(name: str, shape: dict[str, Any]) -> str:
    required = set(shape.get("required", ()))
    rows = [
        (
            f"`{key}`",
            _type(entry),
            "required" if key in required else f"`{_written(entry.get('default'))}`",
            str(entry.get("description", "")),
        )
        for key, entry in shape["properties"].items()
    ]
    return f"## {name}\n\n{shape.get('description', '')}\n\n{table(('key', 'type', 'default', 'meaning'), rows)}"


def _type(entry: dict[str, Any]) -> str:
    if "$ref" in entry:
        name = entry["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})" if name not in _WORDS else _WORDS[name]
    if "anyOf" in entry:
        kinds = [_type(option) for option in entry["anyOf"] if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    if entry.get("type") == "array":
        return f"list of {_type(entry.get('items', {}))}"
    if entry.get("type") == "object" and isinstance(entry.get("additionalProperties"), dict):
        return f"mapping of names to {_type(entry['additionalProperties'])}"
    bounds = [f"{word} {entry[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in entry]
    return " ".join([str(entry.get("type", "any")), *bounds])


_WORDS = {
    "FeatureGate": "[feature gate](#feature-gates)",
    "ManagedComponent": "[component](#managed-components)",
    "NetworkEnvironment": "string",
    "AlertSeverity": "string",
}


def _default(entry: dict[str, Any]) -> str:
    return f"`{_written(entry['default'])}`" if "default" in entry else "not set"


def _written(value: object) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, dict):
        pairs = cast("dict[str, object]", value).items()
        return "{" + ", ".join(f"{key}: {_written(entry)}" for key, entry in pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_written(entry) for entry in cast("list[object]", value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def services() -> str:
    """Return the page of the catalogue."""
    rows = [
        (
            f"`{spec.name}`",
            spec.purpose,
            ", ".join(f"{name} {number}" for name, number in spec.ports.items()),
            ", ".join(f"`{route.path}`" for route in (*spec.api_routes, *spec.wallet_routes)) or "none",
            ", ".join(sorted(one.value for one in spec.depends_on)) or "nothing",
        )
        for spec in CATALOGUE.values()
    ]
    head = "The catalogue: what is the same on every network. Numbers that differ are [settings](settings.md)."
    return f"# Services\n\n{head}\n\n{table(('service', 'purpose', 'ports', 'public paths', 'reaches'), rows)}"


def checks() -> str:
    """Return the page of the checks, from the one list of them."""
    rows = [(f"`{one.name}`", one.reason, one.remedy, "yes" if one.live else "") for one in RULES]
    head = "What `gx preview`, `gx check` and the policy pack look at, what a broken rule costs, and what to do."
    return f"# Checks\n\n{head}\n\n{table(('check', 'why', 'what to do', 'on a live network, too'), rows)}"


def alerts() -> str:
    """Return the list of alerts with their numbers on the last network of the chain."""
    shown = offline_settings("mainnet") if "mainnet" in networks() else offline_settings(networks()[0])
    rows = [
        (f"[{alert.name}]({alert.name}.md)", alert.severity.value, alert.summary)
        for group in groups(shown)
        for alert in group.alerts
    ]
    head = "What to do, one page each. Thresholds and windows are in [the report](../../report.md) of each network."
    return f"# Alerts\n\n{head}\n\n{table(('alert', 'severity', 'what is wrong'), rows)}"


def decisions() -> str:
    """Return the list of decisions."""
    rows: list[tuple[str, ...]] = []
    for path in sorted((ROOT / "docs/adr").glob("*.md")):
        title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        number, words = re.fullmatch(r"(\d+)\. (.+)", title).groups()  # type: ignore[union-attr]
        rows.append((number, f"[{words}]({path.name})"))
    head = "Why it is as it is: context, options, decision, consequences, one page each."
    return f"# Decisions\n\n{head}\n\n{table(('', 'decision'), rows)}"
