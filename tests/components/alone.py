"""Builds a component by itself, in an interpreter of its own: no stack file, no network, no engine.

`python -m tests.components.alone MODULE FUNCTION` prints what the function registers, one JSON object a line.
"""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any, cast

from pulumi.runtime import mocks
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await  # pyright: ignore[reportPrivateUsage]

from settings.project import ROOT


@dataclass(frozen=True)
class Made:
    """A resource that was registered."""

    type: str
    name: str
    inputs: dict[str, Any]

    @property
    def kind(self) -> str:
        """The last part of its type."""
        return self.type.rsplit(":", 1)[-1]


class _Mocks(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Print a registration and answer it."""
        inputs = cast("dict[str, Any]", args.inputs)  # pyright: ignore[reportUnknownMemberType]
        sys.stdout.write(json.dumps({"type": args.typ, "name": args.name, "inputs": inputs}) + "\n")
        return f"{args.name}-id", {**inputs, "result": f"value of {args.name}"}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """Refuse: no component asks a provider."""
        raise NotImplementedError(args.token)


def build(function: Callable[[], None]) -> list[Made]:
    """Return what a function of a test registers.

    Raises:
        AssertionError: It failed; with its last line.
    """
    module = ".".join(Path(cast("FunctionType", function).__code__.co_filename).relative_to(ROOT).with_suffix("").parts)
    command = [sys.executable, "-m", "tests.components.alone", module, function.__name__]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr.strip().splitlines()[-1]
    return [Made(**json.loads(line)) for line in done.stdout.splitlines()]


def only(made: list[Made], kind: str, name: str = "") -> Made:
    """Return the one resource of a kind, or of a kind and name."""
    (found,) = (one for one in made if one.kind == kind and name in {"", one.name})
    return found


def main() -> None:
    """Register what a function registers."""
    module, name = sys.argv[1:]
    mocks.set_mocks(_Mocks(), project="alone", stack="alone", preview=False)
    _sync_await(run_pulumi_func(getattr(importlib.import_module(module), name)))


if __name__ == "__main__":
    main()
