"""Builds the pinned programs that are missing: what `make tools` runs."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from rich.console import Console

from gx.errors import InputError
from gx.known_secrets import guard_errors
from gx.local.binaries import BINARIES, BUILD_FLAGS, KUBERNETES_PLUGIN, Binary, cache_folder, installed
from gx.local.node.layers import layers
from gx.local.plugins import downloadable, in_use, install_official, official

_ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}


def missing() -> list[Binary]:
    """Return the programs that are neither on PATH in a fitting version nor built, without what another serves for."""
    wanted = [binary for binary in BINARIES.values() if installed(binary) is None]
    return [b for b in wanted if b.name != KUBERNETES_PLUGIN or official("kubernetes") is None]


def build(binaries: Sequence[Binary], console: Console) -> None:
    """Build programs into the cache, each whole or not at all.

    Raises:
        InputError: There is no fitting Go, or a build failed.
    """
    if not binaries:
        return
    go = _go(binaries)
    with _only_one(console):
        wanted = [binary for binary in binaries if installed(binary) is None]
        for number, binary in enumerate(wanted, 1):
            left = sum(other.seconds for other in wanted[number - 1 :])
            label = f"{binary.name} {binary.version()} ({number} of {len(wanted)})"
            console.print(f"building {label}: about {_minutes(binary.seconds)}, {_minutes(left)} for all that is left")
            started = time.monotonic()
            with console.status(f"building {label}"):
                _build_one(go, binary)
            console.print(f"built {binary.name} in {_minutes(time.monotonic() - started)}")


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 what reads well


def _go(binaries: Sequence[Binary]) -> str:
    names = ", ".join(binary.name for binary in binaries)
    needed = max(_go_directive(binary) for binary in binaries)
    fix = f"install Go {needed[0]}.{needed[1]} or newer (https://go.dev/doc/install), or put the programs on PATH"
    go = shutil.which("go")
    if go is None:
        raise InputError(file="go", consequence=f"is not on PATH, so nothing was built of: {names}", fix=fix)
    answer = subprocess.run(
        [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, env={**os.environ, **_ENVIRONMENT}
    ).stdout
    found = re.match(r"go(\d+)\.(\d+)", answer)
    if found is None or (int(found[1]), int(found[2])) < needed:
        raise InputError(
            file=go, value=answer.strip(), consequence=f"is too old, so nothing was built of: {names}", fix=fix
        )
    return go


def _go_directive(binary: Binary) -> tuple[int, int]:
    found = re.search(r"^go (\d+)\.(\d+)", (binary.folder / "go.mod").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]), int(found[2])


@contextlib.contextmanager
def _only_one(console: Console) -> Generator[None]:
    """Two builds at once wait for each other instead of doing the work twice."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("another `make tools` is building: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_one(go: str, binary: Binary) -> None:
    target = binary.cached()
    with tempfile.TemporaryDirectory(prefix="building-", dir=cache_folder()) as folder:
        out = Path(folder) / binary.name
        options = ["-ldflags", binary.ldflags(), "-o", str(out), *_source(go, binary, Path(folder))]
        command = [go, "build", *BUILD_FLAGS, *options]
        with subprocess.Popen(
            command,
            cwd=binary.folder,
            env={**os.environ, **_ENVIRONMENT},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as child:
            try:
                output, _ = child.communicate()
            except BaseException:
                os.killpg(child.pid, signal.SIGTERM)
                raise
        if child.returncode != 0:
            lines = [line for line in output.splitlines() if line and not line.startswith("go: downloading")]
            raise InputError(
                file=f"tools/go/{binary.module}",
                key=binary.name,
                consequence=f"go build failed, nothing was installed: {' | '.join(lines[-3:])}",
                fix="mend what the line names (network, disk space, go.sum) and run `make tools` again",
            )
        target.parent.mkdir(exist_ok=True)
        out.replace(target)
    _drop_older(target)


def _source(go: str, binary: Binary, folder: Path) -> list[str]:
    """Return what is built: the package, or the main beside go.mod with the package's files laid over its folder.

    Go embeds no file of another module, and these are too big to be kept here.
    """
    if not binary.embeds:
        return [binary.package]
    where = [go, "list", "-mod=readonly", "-e", "-find", "-f", "{{.Dir}}", binary.package]
    environment = {**os.environ, **_ENVIRONMENT}
    found = subprocess.run(
        where, cwd=binary.folder, env=environment, capture_output=True, text=True, check=False
    ).stdout.strip()
    overlay = folder / "overlay.json"
    overlay.write_text(
        json.dumps({"Replace": {str(binary.folder / name): f"{found}/{name}" for name in binary.embeds}})
    )
    return ["-overlay", str(overlay), "."]


def _drop_older(target: Path) -> None:
    """Remove builds of the same program for other pins that nothing has used for a month."""
    month = 30 * 24 * 3600
    for folder in cache_folder().glob(f"{target.name}-{'[0-9a-f]' * 16}"):
        if folder != target.parent and time.time() - folder.stat().st_mtime > month:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Build what is missing; one line and exit code 2 when that cannot be done."""
    guard_errors()
    console = Console(highlight=False, soft_wrap=True, stderr=True)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    try:
        wanted = missing()
        if not wanted:
            console.print(f"tools: all {len(BINARIES)} programs are there")
        if downloadable():  # the CLI comes first, it downloads the plugin that need not be built then
            build([binary for binary in wanted if binary.name != KUBERNETES_PLUGIN], console)
            install_official()
            wanted = missing()
        build(wanted, console)
        console.print(in_use())
        if os.geteuid() == 0 and shutil.which("mmdebstrap"):  # only a node with real pods needs them, and it needs root
            layers(console.print)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was built so far stays, nothing is half installed\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
