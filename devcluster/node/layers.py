"""Layers of the local images: Debian packages, locked Python wheels, the pinned programs, our fake.

A layer is a tar file in the cache, named by what decides its content. Its entries are sorted, owned by root and without
times, so the same packages give the same bytes.
"""

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from common.cache import cache_root
from common.errors import InputError
from devcluster.binaries import MODULE_OF, find
from devcluster.node.run import output_of
from settings.project import ROOT

Report = Callable[[str], None]
SUITE = "bookworm"
PACKAGES = (
    "busybox-static",
    "coreutils",
    "dash",
    "haproxy",
    "postgresql-15",
    "prometheus",
    "prometheus-alertmanager",
    "python3",
    "redis-server",
)
PYTHON = "3.11"
"""Debian 12's."""
LIBRARIES = "usr/lib/python3/dist-packages"
"""Where Debian's Python looks by itself: the manifests set PYTHONPATH to something of their own."""
FAKES = ROOT / "images" / "fakes"
_DROPPED = (
    "usr/share/doc",
    "usr/share/fonts",
    "usr/share/i18n",
    "usr/share/info",
    "usr/share/javascript",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/perl",
    "usr/lib/x86_64-linux-gnu/perl",
    "usr/lib/postgresql/15/lib/bitcode",
    "usr/lib/postgresql/15/lib/llvmjit.so",
    "usr/bin/amtool",
    "usr/bin/promtool",
    "var/cache",
    "var/lib/apt",
)
"""Of no use in a container; documentation and the just-in-time compiler are two thirds of the size."""
_DROPPED_LIBRARIES = ("libLLVM*", "libz3*", "libperl*")
_USERS = (("root", 0), ("haproxy", 99), ("postgres", 999), ("gx", 1000), ("nobody", 65534))


def layers(report: Report) -> dict[str, Path]:
    """Return every layer by name: debian, python, store, traefik, coredns, fakes, backup. What is missing is built.

    Raises:
        InputError: A program is missing that builds them, or failed.
    """
    folder = cache_root() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    requirements = _requirements()
    debian = folder / f"debian-{_hash([SUITE, *PACKAGES, *_DROPPED, *_DROPPED_LIBRARIES, *map(str, _USERS)])}.tar"
    python = folder / f"python-{_hash([debian.name, requirements])}.tar"
    if not debian.exists() or not python.exists():
        _build_root(debian, python, requirements, report)
    found = {"debian": debian, "python": python, "fakes": _fakes(folder), "backup": _backup(folder)}
    for name, programs in (("store", ("minio", "mc")), ("traefik", ("traefik",)), ("coredns", ("coredns",))):
        found[name] = _programs(folder, name, programs)
    return found


def _hash(words: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


def _requirements() -> str:
    """Return the locked libraries of the fake and of the backup, with hashes."""
    command = [_uv(), "export", "--frozen", "--only-group", "fakes", "--no-emit-project", "--no-header"]
    return output_of(command, "the lock file could not be read", cwd=ROOT)


def _uv() -> str:
    own = ROOT / ".tools" / "uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(own) if own.exists() else None)
    if found is None:
        raise InputError(file="uv", consequence="is not installed, no image was built", fix="run `make setup`")
    return found


def _build_root(debian: Path, python: Path, requirements: str, report: Report) -> None:
    """Unpack Debian and the wheels into one folder, compile what Python loads, and pack each."""
    with tempfile.TemporaryDirectory(prefix="building-", dir=debian.parent) as name:
        root = Path(name) / "root"
        report("unpacking Debian packages for the images (about half a minute, once)")
        output_of(
            ["mmdebstrap", "--variant=extract", "--mode=root", f"--include={','.join(PACKAGES)}", SUITE, str(root)],
            "the Debian packages could not be unpacked",
        )
        _prune(root)
        _accounts(root)
        report("installing Python libraries for the images")
        listed = Path(name) / "requirements.txt"
        listed.write_text(requirements)
        target = root / LIBRARIES
        options = ("--quiet", "--require-hashes", "--no-deps", "--link-mode", "copy")
        platform = ("--python-version", PYTHON, "--python-platform", "x86_64-unknown-linux-gnu")
        files = ("--target", str(target), "--requirement", str(listed))
        output_of(
            [_uv(), "pip", "install", *options, *platform, *files],
            "the Python libraries could not be installed",
        )
        # Checked by nobody: a read-only root could not write new ones, and every start would compile again.
        compiled = ("--invalidation-mode", "unchecked-hash", "/usr/lib/python3.11", f"/{LIBRARIES}")
        output_of(
            ["chroot", str(root), "/usr/bin/python3", "-m", "compileall", "-q", *compiled],
            "the Python libraries could not be compiled",
        )
        report("packing the layers")
        pack(root, python, only=LIBRARIES)
        shutil.rmtree(target)
        pack(root, debian)


def _prune(root: Path) -> None:
    for path in _DROPPED:
        target = root / path
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
    for pattern in _DROPPED_LIBRARIES:
        for library in (root / "usr/lib/x86_64-linux-gnu").glob(pattern):
            library.unlink()
    shutil.rmtree(root / "dev")
    (root / "dev").mkdir()


def _accounts(root: Path) -> None:
    """Write the accounts, and a link for every small program of busybox that nothing else provides."""
    (root / "etc/passwd").write_text("".join(f"{name}:x:{uid}:{uid}::/tmp:/bin/sh\n" for name, uid in _USERS))
    (root / "etc/group").write_text("".join(f"{name}:x:{uid}:\n" for name, uid in _USERS))
    applets = output_of([str(root / "bin/busybox"), "--list"], "busybox does not run").split()
    for applet in applets:
        if not any(os.path.lexists(root / folder / applet) for folder in ("bin", "usr/bin", "sbin", "usr/sbin")):
            (root / "bin" / applet).symlink_to("busybox")


def _programs(folder: Path, name: str, programs: tuple[str, ...]) -> Path:
    """Return a layer with pinned programs in /usr/local/bin."""
    paths = {program: find(program) for program in programs}
    words = [f"{path} {path.stat().st_size} {MODULE_OF[program].version()}" for program, path in paths.items()]
    target = folder / f"{name}-{_hash(words)}.tar"
    if not target.exists():
        with tempfile.TemporaryDirectory(prefix="building-", dir=folder) as made:
            location = Path(made) / "usr/local/bin"
            location.mkdir(parents=True)
            for program, path in paths.items():
                shutil.copy(path, location / program)
                (location / program).chmod(0o755)
            pack(Path(made), target)
    return target


def _fakes(folder: Path) -> Path:
    sources = [*sorted((FAKES / "fakes").glob("*.py")), FAKES / "platform.sql"]
    return _code(folder, "opt/fakes", FAKES, sources)


def _backup(folder: Path) -> Path:
    return _code(folder, "opt/gx-backup", ROOT, sorted((ROOT / "backup").glob("*.py")))


def _code(folder: Path, where: str, root: Path, sources: Sequence[Path]) -> Path:
    """Return a layer of code of our own."""
    name = where.rpartition("/")[2]
    target = folder / f"{name}-{_hash([file.name + file.read_text() for file in sources])}.tar"
    if not target.exists():
        with tempfile.TemporaryDirectory(prefix="building-", dir=folder) as made:
            for file in sources:
                location = Path(made) / where / file.relative_to(root)
                location.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, location)
            pack(Path(made), target)
    return target


def pack(root: Path, target: Path, *, only: str = "") -> None:
    """Write what is in a folder as a layer: sorted, owned by root, without times; atomically.

    Args:
        root: The folder.
        target: The tar file.
        only: Path below the folder; empty for everything.
    """
    part = target.with_suffix(".part")
    start = root / only
    with tarfile.open(part, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(start.rglob("*")):
            entry = tar.gettarinfo(path, arcname=str(path.relative_to(root)))
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = "root"
            if entry.isreg():
                with path.open("rb") as content:
                    tar.addfile(entry, content)
            elif entry.isdir() or entry.issym() or entry.islnk():
                tar.addfile(entry)
    part.replace(target)
