"""Records the Plan of a stack in an interpreter of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypedDict, Unpack, cast

from common.errors import InputError, ShownError
from common.plan import Plan, plan_from
from settings.project import ROOT

_ENVIRONMENT = ("HOME", "LD_LIBRARY_PATH", "PATH", "TMPDIR")
"""All that a recording gets of the user's shell: nothing else can change a Plan, or which program is run."""
INTERPRETER = ("-I", "-X", "utf8")
"""No variable of the interpreter counts, no folder but those that are named, and one encoding everywhere."""
STARTER = """
import json, runpy, sys
root, out = sys.argv[1], sys.stdout
sys.path.insert(0, root)
sys.argv[:] = ["recorder", *sys.argv[2:]]
try:
    runpy.run_module("gx.plan.recorder", run_name="__main__", alter_sys=True)
finally:
    ran = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    tops = {"catalogue", "common", "components", "gx", "program", "settings", "wiring"}
    ours = {name: file for name, file in ran.items() if file and name.split(".")[0] in tops}
    out.write(json.dumps({"ran": ours}) + "\\n")
    out.flush()
"""
"""Runs a project's own recorder, of whatever revision, and says last which files its program came from."""


class ProgramRefusalError(ShownError):
    """The line by which settings or program refused the input, as the child wrote it."""


class RecorderCrashError(RuntimeError):
    """The program itself failed: a defect, not a user's input."""


class Recording(TypedDict, total=False):
    """How a Plan is recorded; what is left out is false."""

    root: Path
    """The project's folder; this program's own by default."""
    up: bool
    """As in `pulumi up` instead of `pulumi preview`."""
    unknown: bool
    """Generated values are unknown, as in the first preview of a new network."""
    local: bool
    """With what differs on one machine (`networks/<network>/local.yaml`)."""
    whole: bool
    """With every component, all of it taken over, without import ids, however far its adoption is."""
    progress: Callable[[int], None]
    """Called with the number of registrations so far."""
    before_wait: Callable[[], None]
    """Work of the caller that can be done while the child runs."""


def record(stack: str, **recording: Unpack[Recording]) -> Plan:
    """Return the Plan of a stack; arguments and errors are those of `record_document`."""
    return plan_from(record_document(stack, **recording))


def record_document(stack: str, **recording: Unpack[Recording]) -> dict[str, Any]:
    """Return the record of a stack as plain JSON, by the program that lies in the project's folder.

    Raises:
        ProgramRefusalError: Settings or program refuse the input.
        RecorderCrashError: The program failed in another way.
        InputError: Another program than that of the project's folder was run.
    """
    root, progress = recording.get("root", ROOT), recording.get("progress", lambda _: None)
    command = [sys.executable, *INTERPRETER, "-c", STARTER, str(root), stack, "--root", str(root)]
    command += [f"--{name}" for name in ("up", "unknown", "local", "whole") if recording.get(name)]
    environment = {key: os.environ[key] for key in _ENVIRONMENT if key in os.environ}
    # A file, not a pipe: a program that complains a lot must not block while its record is being read.
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints,
        subprocess.Popen(  # noqa: S603 our own module
            command, stdout=subprocess.PIPE, stderr=complaints, encoding="utf-8", cwd=root, env=environment
        ) as child,
    ):
        assert child.stdout is not None
        try:
            recording.get("before_wait", lambda: None)()
            message = _last_message(child.stdout, progress)
            child.wait()
        except BaseException:
            child.kill()
            raise
        complaints.seek(0)
        complaint = complaints.read()
    if "error" in message:
        raise ProgramRefusalError(message["error"])
    if "record" not in message:
        raise RecorderCrashError(complaint.strip() or f"the recorder ended with {child.returncode}")
    _check_program(root, message["ran"])
    return cast("dict[str, Any]", message["record"])


def _last_message(lines: Any, progress: Callable[[int], None]) -> dict[str, Any]:  # noqa: ANN401 a text stream
    """Return what the child said: a record or an error, and which files were run."""
    messages: dict[str, Any] = {}
    for line in lines:
        message = json.loads(line)
        if "progress" in message:
            progress(message["progress"])
        else:
            messages |= message
    return messages


def _check_program(root: Path, ran: Mapping[str, str]) -> None:
    """Refuse a record of another program: a folder without a program of its own is recorded with this one."""
    for name, file in ran.items():
        top = name.partition(".")[0]
        own = (root / top).is_dir() or (root / f"{top}.py").is_file()
        wanted = (root if own else ROOT).resolve()
        if not Path(file).resolve().is_relative_to(wanted):
            raise InputError(
                file=str(root),
                key=name,
                consequence=f"another program was run, {file}: nothing was recorded",
                fix=f"find out what leads Python away from {wanted}: a .pth file or a module of the environment",
            )
