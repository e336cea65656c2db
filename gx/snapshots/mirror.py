"""`mc mirror` moves the bytes. Nothing it says counts as proof: its exit code has been 0 after errors."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from gx.snapshots.model import FailedError
from gx.snapshots.s3 import Place

NAMES = ("mc", "mcli")  # maintained builds of the client call it mcli
SHOWN_ERRORS = 3
STOP_SECONDS = 10


@dataclass
class Mirrored:
    """What mc said.

    Attributes:
        objects: How many copies it says that it began.
        errors: Its first errors.
        code: Its exit code.
    """

    objects: int = 0
    errors: list[str] = field(default_factory=list[str])
    code: int = 0

    def __str__(self) -> str:
        """Return it as a line of a log."""
        text = "; ".join(self.errors)
        return f"mc began to copy {self.objects} objects and ended with code {self.code}" + (
            f" ({text})" if text else ""
        )


def client_program() -> str:
    """Return the path of mc.

    Raises:
        FailedError: There is none on PATH.
    """
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise FailedError(f"none of {', '.join(NAMES)} is on PATH")


def alias(name: str, place: Place) -> dict[str, str]:
    """Return the environment by which mc knows a server: never an argument, which every process can read."""
    address = urlsplit(place.endpoint)
    keys = f"{quote(place.access_key, safe='')}:{quote(place.secret_key, safe='')}"
    return {f"MC_HOST_{name}": f"{address.scheme}://{keys}@{address.netloc}"}


def mirror(
    source: str,
    target: str,
    aliases: Mapping[str, str],
    *,
    stall_seconds: float,
    flags: Sequence[str] = (),
    copied: Callable[[str], None] = lambda _: None,
) -> Mirrored:
    """Copy everything that the target lacks.

    Args:
        source: A folder, or alias and path as mc writes them.
        target: The same.
        aliases: The servers, see `alias`.
        stall_seconds: How long it may copy nothing before it is ended.
        flags: Further flags.
        copied: Called with each target that mc says it begins to write.

    Raises:
        FailedError: It stood still.
    """
    result = Mirrored()
    command = [client_program(), "--json", "mirror", "--skip-errors", *flags, source, target]
    with _running(command, aliases) as (process, last_sign):
        watch = threading.Thread(target=_end_when_silent, args=(process, last_sign, stall_seconds), daemon=True)
        watch.start()
        assert process.stdout is not None
        for line in process.stdout:
            last_sign[0] = time.monotonic()
            _note(line, result, copied)
        result.code = process.wait()
        stalled = last_sign[1] > 0
    if stalled:
        raise FailedError(f"mc copied nothing for {stall_seconds:.0f} s and was ended")
    return result


def client_version() -> str:
    """Return the version of mc, as it says it itself."""
    command = [client_program(), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 the image's own
    return said.stdout.partition("version ")[2].partition(" ")[0]


def _note(line: str, result: Mirrored, copied: Callable[[str], None]) -> None:
    try:
        said = json.loads(line)
    except ValueError:
        return
    if said.get("status") == "error":
        error = said.get("error", {})
        text = f"{error.get('message', '')} {error.get('cause', {}).get('message', '')}".strip()
        if len(result.errors) < SHOWN_ERRORS:
            result.errors.append(text)
    elif said.get("target"):
        result.objects += 1
        copied(said["target"])


@contextmanager
def _running(command: list[str], aliases: Mapping[str, str]) -> Generator[tuple[subprocess.Popen[str], list[float]]]:
    # mc takes an alias that it does not know for a folder below the current one: it runs in an empty one.
    with tempfile.TemporaryDirectory(prefix="mc-") as folder:
        environment = {
            **os.environ,
            **aliases,
            "MC_CONFIG_DIR": str(Path(folder) / "config"),
            "MC_DISABLE_PAGER": "1",
        }
        process = subprocess.Popen(  # noqa: S603 the image's own program
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            yield process, [time.monotonic(), 0.0]
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _end_when_silent(process: subprocess.Popen[str], last_sign: list[float], limit: float) -> None:
    while process.poll() is None:
        time.sleep(min(1.0, limit / 4))
        if process.poll() is None and time.monotonic() - last_sign[0] > limit:
            last_sign[1] = 1.0
            process.kill()
