"""Runs in the pack's own environment: calls its policies with resources from standard input, one stack a line."""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

from pulumi_policy import PolicyResource, PolicyResourceOptions, StackValidationArgs
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

PACK = Path(__file__).resolve().parents[2] / "policy" / "__main__.py"


def unknown(value: Any) -> Any:
    """Return a value with the engine's word where the recording says that it was not known."""
    if isinstance(value, list):
        return [unknown(entry) for entry in value]
    if isinstance(value, dict):
        return UNKNOWN_STRING_VALUE if "__unknown__" in value else {key: unknown(value[key]) for key in value}
    return value


def resource(entry: dict[str, Any]) -> PolicyResource:
    options = PolicyResourceOptions(entry["protect"], [], None, [], None, [])  # type: ignore[arg-type]
    props = unknown_checking_proxy(unknown(entry["props"]))
    return PolicyResource(entry["type"], props, entry["urn"], entry["name"], options, None, None, [], {})


def stack(entries: list[dict[str, Any]]) -> StackValidationArgs:
    found = {entry["urn"]: resource(entry) for entry in entries}
    for entry in entries:
        found[entry["urn"]].parent = found.get(entry["parent"])
    return StackValidationArgs(list(found.values()))


def violations(policies: list[Any], resources: list[dict[str, Any]], only: str) -> list[list[str]]:
    said: list[list[str]] = []
    for policy in policies:
        if only in {"", policy.name}:
            policy.validate(
                stack(resources), lambda text, urn=None, name=policy.name: said.append([name, text, urn or ""])
            )
    return said


def main() -> None:
    policies = runpy.run_path(str(PACK))["policies"]()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(violations(policies, **json.loads(line))) + "\n")
        sys.stdout.flush()


main()
