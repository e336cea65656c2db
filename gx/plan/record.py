"""Records the Plan of a stack in an interpreter of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from gx.errors import ShownError
from gx.plan.model import Plan, plan_from
from gx.settings.project import ROOT

_FOREIGN_ENVIRONMENT = ("KUBECONFIG", "PULUMI_", "CLOUDFLARE_", "AWS_", "MINIO_", "PG")
"""What a person's shell may hold and what must not change a Plan."""


class ProgramRefusalError(ShownError):
    """The line by which settings or program refused the input, as the child wrote it."""


class RecorderCrashError(RuntimeError):
    """The program itself failed: a defect, not a person's input."""


def record(
    stack: str,
    *,
    root: Path = ROOT,
    up: bool = False,
    unknown: bool = False,
    local: bool = False,
    whole: bool = False,
    progress: Callable[[int], None] = lambda _: None,
    before_wait: Callable[[], None] = lambda: None,
) -> Plan:
    """Return the Plan of a stack; arguments and errors are those of `record_document`."""
    return plan_from(
        record_document(
            stack,
            root=root,
            up=up,
            unknown=unknown,
            local=local,
            whole=whole,
            progress=progress,
            before_wait=before_wait,
        )
    )


def record_document(
    stack: str,
    *,
    root: Path = ROOT,
    up: bool = False,
    unknown: bool = False,
    local: bool = False,
    whole: bool = False,
    progress: Callable[[int], None] = lambda _: None,
    before_wait: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Return the record of a stack as plain JSON, by the program that lies in the project's folder.

    Args:
        stack: The stack's name.
        root: The project's folder.
        up: As in `pulumi up` instead of `pulumi preview`.
        unknown: Generated values are unknown, as in the first preview of a new network.
        local: With what differs on one machine (`networks/<network>/local.yaml`).
        whole: With every wave and without import ids, however far its adoption is.
        progress: Called with the number of registrations so far.
        before_wait: Work of the caller that can be done while the child runs.

    Raises:
        ProgramRefusalError: Settings or program refuse the input.
        RecorderCrashError: The program failed in another way.
    """
    command = [sys.executable, "-m", "gx.plan.recorder", stack, "--root", str(root)]
    command += ["--up"] * up + ["--unknown"] * unknown + ["--local"] * local + ["--whole"] * whole
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN_ENVIRONMENT)}
    # A file, not a pipe: a program that complains a lot must not block while its record is being read.
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(  # noqa: S603 our own module
            command, stdout=subprocess.PIPE, stderr=complaints, text=True, cwd=root, env=environment
        ) as child,
    ):
        assert child.stdout is not None
        try:
            before_wait()
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
    return cast("dict[str, Any]", message["record"])


def _last_message(lines: Any, progress: Callable[[int], None]) -> dict[str, Any]:  # noqa: ANN401 a text stream
    message: dict[str, Any] = {}
    for line in lines:
        message = json.loads(line)
        if "progress" in message:
            progress(message["progress"])
    return message
