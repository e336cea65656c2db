"""Runs in the pack's own environment: calls every policy with resources from standard input, prints violations."""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

from pulumi_policy import PolicyResource, PolicyResourceOptions, StackValidationArgs
from pulumi_policy.proxy import unknown_checking_proxy

PACK = Path(__file__).resolve().parents[2] / "policy" / "__main__.py"


def resource(entry: dict[str, Any]) -> PolicyResource:
    options = PolicyResourceOptions(entry["protect"], [], None, [], None, [])  # type: ignore[arg-type]
    props = unknown_checking_proxy(entry["props"])
    return PolicyResource(entry["type"], props, entry["urn"], entry["name"], options, None, None, [], {})


def main() -> None:
    pack = runpy.run_path(str(PACK))
    args = StackValidationArgs([resource(entry) for entry in json.load(sys.stdin)])
    said: list[list[str]] = []
    for policy in pack["policies"]():
        policy.validate(args, lambda text, urn=None, name=policy.name: said.append([name, text, urn or ""]))
    json.dump(said, sys.stdout)


main()
