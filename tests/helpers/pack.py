"""The policy pack in its own environment, and stacks as the engine hands them over."""

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

from common.plan import Plan
from common.values import Secret
from settings.project import ROOT

Entry = dict[str, Any]
Stack = list[Entry]
Violation = tuple[str, str, str]
"""Policy, text, urn."""


class Pack:
    """The running pack."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        self._child = child

    def violations(self, resources: Stack, only: str = "") -> list[Violation]:
        """Return what the pack reports about a stack, or what one of its policies does."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps({"resources": resources, "only": only}) + "\n")
        self._child.stdin.flush()
        answer = self._child.stdout.readline()
        assert answer, "the pack has failed: see standard error"
        return [(name, text, urn) for name, text, urn in json.loads(answer)]


@contextmanager
def running_pack() -> Generator[Pack]:
    """Run the pack; it ends with the end of its input."""
    command = [str(ROOT / "policy/.venv/bin/python"), "-W", "ignore", str(ROOT / "tests/policy/run_pack.py")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT / "policy") as child:
        yield Pack(child)


@cache
def handed_over(network: str) -> dict[str, Any]:
    """Return what the program hands over to the pack beside the resources."""
    command = [sys.executable, "-m", "tests.helpers.handed_over", network]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def shown(plan: Plan) -> Stack:
    """Return a network that does not exist yet as the engine shows it: inputs, secrets in clear text, status added."""
    root = f"urn:pulumi:{plan.network}::gx-infra::pulumi:pulumi:Stack::gx-infra-{plan.network}"
    entries: Stack = [
        {
            "urn": resource.urn,
            "type": resource.type,
            "name": resource.name,
            "parent": resource.parent or root,
            "protect": resource.options.protect,
            "props": {**_clear(resource.inputs), "__initialApiVersion": "v1", "status": {}},
        }
        for resource in plan.resources
    ]
    stack = {"urn": root, "type": "pulumi:pulumi:Stack", "name": f"gx-infra-{plan.network}", "parent": ""}
    entries.append({**stack, "protect": False, "props": plan.outputs})
    entry(entries, "Context", "policy-context")["props"] = handed_over(plan.network)
    return entries


def _clear(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.value
    if isinstance(value, dict):
        return {key: _clear(entry) for key, entry in cast("dict[str, Any]", value).items()}
    return [_clear(entry) for entry in cast("list[Any]", value)] if isinstance(value, list) else value


def entry(resources: Stack, kind: str, name: str) -> Entry:
    """Return the one resource of a kind with a logical or object name."""
    return next(
        r
        for r in resources
        if r["type"].endswith(f":{kind}") and name in {r["name"], r["props"].get("metadata", {}).get("name")}
    )
