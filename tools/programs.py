"""Builds the pinned programs of the local cluster and of the checks that are missing: what `make tools` runs."""

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

from common.errors import InputError
from common.known_secrets import guard_errors
from devcluster.binaries import KUBERNETES_PLUGIN, MODULES, Fits, Module, cache_folder
from devcluster.node.layers import layers
from devcluster.plugins import downloadable, in_use, install_official, official
from gx.cli.output import Output

ACTIONLINT = Module(
    "actionlint", 10, {"actionlint": Fits(r"^v?1\.7\.", ("-version",))}, stamp=("main.version={version}",)
)
CYCLONUS = Module(  # evaluates NetworkPolicies by code of its own: the tests compare ours with it
    "cyclonus",
    60,
    {"cyclonus": Fits(r"v?0\.5\.6", ("version",))},
    stamp=("github.com/mattfenwick/cyclonus/pkg/cli.version={version}",),
)
EVERY = (*MODULES, ACTIONLINT, CYCLONUS)

_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    "GOFLAGS": "",
    "GOGC": "off",  # less processor time for more memory, up to the limit
    "GOMEMLIMIT": "2GiB",
}


def missing() -> list[Module]:
    """Return the modules of which a program is neither on PATH in a fitting version nor built."""
    wanted = [module for module in EVERY if any(module.installed(name) is None for name in module.programs)]
    return [m for m in wanted if KUBERNETES_PLUGIN not in m.programs or official("kubernetes") is None]


def build(modules: Sequence[Module], console: Console) -> None:
    """Build the programs of modules into the cache; a build that ends early installs nothing.

    Raises:
        InputError: There is no fitting Go, or a build failed.
    """
    if not modules:
        return
    go = _go(modules)
    with _only_one(console):
        wanted = [module for module in modules if not module.cached().is_dir()]
        for number, module in enumerate(wanted, 1):
            left = sum(other.seconds for other in wanted[number - 1 :])
            label = f"{', '.join(module.programs)} {module.version()} ({number} of {len(wanted)})"
            console.print(f"building {label}: about {_minutes(module.seconds)}, {_minutes(left)} for all that is left")
            started = time.monotonic()
            with console.status(f"building {label}"):
                _build_one(go, module)
            console.print(f"built in {_minutes(time.monotonic() - started)}")


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 what reads well


def _go(modules: Sequence[Module]) -> str:
    names = ", ".join(name for module in modules for name in module.programs)
    needed = max(_go_directive(module) for module in modules)
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


def _go_directive(module: Module) -> tuple[int, int]:
    found = re.search(r"^go (\d+)\.(\d+)", (module.folder / "go.mod").read_text(), re.MULTILINE)
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


def _build_one(go: str, module: Module) -> None:
    target = module.cached()
    with tempfile.TemporaryDirectory(prefix="building-", dir=cache_folder()) as folder:
        out = Path(folder) / "bin"
        command = [go, "install", *module.build_flags(), *_source(go, module, Path(folder))]
        if module.trimmed:
            command[2:2] = ["-modfile", str(_trimmed(go, module, Path(folder)))]
        with subprocess.Popen(
            command,
            cwd=module.folder,
            env={**os.environ, **_ENVIRONMENT, "GOBIN": str(out)},
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
            raise _failed(module, output)
        if len(module.programs) == 1:  # go names it after its package, which may be called `server`
            next(out.iterdir()).replace(out / next(iter(module.programs)))
        out.replace(target)
    _drop_older()


def _failed(module: Module, output: str) -> InputError:
    lines = [line for line in output.splitlines() if line and not line.startswith("go: downloading")]
    return InputError(
        file=f"tools/go/{module.name}",
        key=", ".join(module.programs),
        consequence=f"go install failed, nothing was installed: {' | '.join(lines[-3:])}",
        fix="see to what the line names (network, disk space, go.sum) and run `make tools` again",
    )


def _source(go: str, module: Module, folder: Path) -> list[str]:
    """Return what is built: the tools of go.mod, or the main beside it with a package's files laid over its folder.

    Go embeds no file of another module, and these are too big to be kept here.
    """
    if not module.embeds:
        return ["tool"]
    package, *files = module.embeds
    where = [go, "list", "-mod=readonly", "-e", "-find", "-f", "{{.Dir}}", package]
    environment = {**os.environ, **_ENVIRONMENT}
    found = subprocess.run(
        where, cwd=module.folder, env=environment, capture_output=True, text=True, check=False
    ).stdout.strip()
    overlay = folder / "overlay.json"
    overlay.write_text(json.dumps({"Replace": {str(module.folder / name): f"{found}/{name}" for name in files}}))
    return ["-overlay", str(overlay), "."]


def _trimmed(go: str, module: Module, folder: Path) -> Path:
    """Return a go.mod by which a copy of a module takes its place, with files of ours in it.

    Go refuses to lay files over those of its module cache.
    """
    path, *files = module.trimmed
    ask = [go, "mod", "download", "-json", path]
    environment = {**os.environ, **_ENVIRONMENT}
    done = subprocess.run(ask, cwd=module.folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise _failed(module, done.stderr + done.stdout)
    copy, modfile = folder / "trimmed", folder / "go.mod"
    shutil.copytree(json.loads(done.stdout)["Dir"], copy, copy_function=shutil.copyfile)
    for below in (copy, *(one for one in copy.rglob("*") if one.is_dir())):
        below.chmod(0o755)  # the cache is read only
    for name in files:
        shutil.copyfile(module.folder / Path(name).name, copy / name)
    for name in ("go.mod", "go.sum"):
        shutil.copyfile(module.folder / name, folder / name)
    subprocess.run([go, "mod", "edit", f"-replace={path}={copy}", str(modfile)], env=environment, check=True)
    return modfile


def _drop_older() -> None:
    """Remove what was built a month ago for pins that are not these."""
    month, wanted = 30 * 24 * 3600, {module.cached() for module in EVERY}
    for folder in cache_folder().glob(f"*-{'[0-9a-f]' * 16}"):
        if folder not in wanted and time.time() - folder.stat().st_mtime > month:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Build what is missing; one line and exit code 2 when that cannot be done."""
    guard_errors()
    console = Output(stderr=True)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    try:
        wanted = missing()
        if not wanted:
            console.print(f"tools: all {sum(len(module.programs) for module in EVERY)} programs are there")
        if downloadable():  # the CLI comes first, it downloads the plugin that need not be built then
            build([module for module in wanted if KUBERNETES_PLUGIN not in module.programs], console)
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
