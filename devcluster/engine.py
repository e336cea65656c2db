"""The real engine, driven through the Automation API, in an interpreter of its own: a stack cannot share one.

Parent and child speak in lines of JSON: the child prints engine events as they come and one result at the end.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, cast

from settings.project import ROOT

Event = dict[str, Any]
PATIENCE_SECONDS = 30


class EngineError(Exception):
    """The engine ended with an error; the text is its own, without what only says so again."""


@dataclass(frozen=True, kw_only=True)
class EngineRun:
    """One run of the engine.

    Attributes:
        operation: "up", "preview", "refresh" or "destroy".
        stack: The stack.
        project: Folder with copies of Pulumi.yaml and the stack's file; the engine writes into it.
        environment: What the engine needs: backend, passphrase file, kubeconfig, plugins.
        options: Keyword arguments of the Automation API's call.
    """

    operation: str
    stack: str
    project: Path
    environment: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class EngineResult:
    """What a run did.

    Attributes:
        changes: Number of resources by what was done: create, update, same, ...
    """

    changes: Mapping[str, int]


def run_engine(run: EngineRun, on_event: Callable[[Event], None] = lambda _: None) -> EngineResult:
    """Run the engine and return what it did.

    Raises:
        EngineError: It failed; what it had done so far is in the state.
    """
    request = json.dumps({**vars(run), "project": str(run.project), "environment": None})
    # A file, not a pipe: a program that complains a lot must not block while its events are being read.
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(  # noqa: S603 our own module
            [sys.executable, "-m", "devcluster.engine", request],
            stdin=subprocess.PIPE,  # its end tells the child that nobody waits any more, also after kill -9
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            env={**os.environ, **run.environment},
            cwd=run.project,
            start_new_session=True,
        ) as child,
    ):
        assert child.stdout is not None
        last: dict[str, Any] = {}
        try:
            for line in child.stdout:
                message = json.loads(line)
                if "event" in message:
                    on_event(message["event"])
                else:
                    last = message
        except BaseException:
            _interrupt(child)
            raise
        child.wait()
        complaints.seek(0)
        complaint = complaints.read()
    if "result" in last:
        return EngineResult(**last["result"])
    raise EngineError(str(last.get("error") or complaint.strip() or f"the engine ended with {child.returncode}"))


def _interrupt(child: "subprocess.Popen[str]") -> None:
    """Let the engine finish what it began, as after Ctrl-C; end it if it takes too long."""
    try:
        os.killpg(child.pid, signal.SIGINT)
        child.wait(PATIENCE_SECONDS)
    except ProcessLookupError:
        pass
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)


def _perform(request: dict[str, Any]) -> dict[str, Any]:
    from pulumi import automation  # noqa: PLC0415 the parent need not load it

    project = Path(request["project"])
    options = dict(request["options"])

    class Workspace(automation.LocalWorkspace):
        """A workspace that leaves outputs to the state file: the CLI would be asked for them twice, 0.3 s each."""

        def stack_outputs(self, stack_name: str) -> automation.OutputMap:
            del stack_name
            return {}

    workspace = Workspace(work_dir=str(project), program=lambda: _program(project))
    stack = automation.Stack.create_or_select(request["stack"], workspace)
    errors: list[str] = []

    def on_event(event: Any) -> None:  # noqa: ANN401 a class of the Automation API
        message = event.diagnostic_event
        if message is not None and message.severity == "error":
            errors.append(message.message.strip())
        sys.stdout.write(json.dumps({"event": _as_json(event)}) + "\n")
        sys.stdout.flush()

    try:
        operation: Any = getattr(stack, request["operation"])
        done: Any = operation(on_event=on_event, on_output=_nowhere, **options)
    except automation.CommandError as error:
        raise EngineError(_once(errors) or _last_words(str(error))) from None
    preview = request["operation"] == "preview"
    counts: dict[Any, int] = (done.change_summary if preview else done.summary.resource_changes) or {}
    changes = {str(getattr(kind, "value", kind)): count for kind, count in counts.items()}
    changes.pop("read", None)  # a lookup changes nothing, but each answer of the official provider counts
    return {"changes": changes}


def _nowhere(_text: str) -> None:
    """Take the CLI's own display, which events replace."""


def _once(errors: list[str]) -> str:
    """Return the errors without those that only repeat another one with words around it."""
    kept = [text for text in dict.fromkeys(errors) if text != "update failed"]
    return "\n".join(text for text in kept if not any(other != text and other in text for other in kept))


def _last_words(text: str) -> str:
    return text.rpartition("error: ")[2].strip()


def _as_json(event: Any) -> Event:  # noqa: ANN401 a class of the Automation API
    """Return what progress needs of an event; values of properties stay behind, they may be secret."""
    for kind in ("resource_pre_event", "res_outputs_event", "res_op_failed_event"):
        found = getattr(event, kind)
        if found is not None:
            meta = found.metadata
            return {"kind": kind, "op": str(getattr(meta.op, "value", meta.op)), "urn": meta.urn, "type": meta.type}
    return {"kind": "other"}


def _program(project: Path) -> None:
    """Run the program as `pulumi up` does, on the copy's settings, release and adoption files."""
    sys.path.insert(0, str(ROOT))
    program = importlib.import_module("program")
    program.run(project)


def _watch_parent() -> None:
    """End the engine when the parent is gone: politely, so that it lets go of its lock, then for good."""
    os.read(0, 1)
    os.killpg(0, signal.SIGINT)
    time.sleep(PATIENCE_SECONDS)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Perform the request of the first argument."""
    threading.Thread(target=_watch_parent, daemon=True).start()
    request = cast("dict[str, Any]", json.loads(sys.argv[1]))

    def stop(_signal: int, _frame: FrameType | None) -> None:
        """Leave it to the CLI, which got the same signal and ends in its own time."""

    signal.signal(signal.SIGINT, stop)
    try:
        result = {"result": _perform(request)}
    except EngineError as error:
        result = {"error": str(error)}
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
