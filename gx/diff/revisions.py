"""Plans of git revisions: each revision's own program, run in a folder of its own, kept until something changes."""

import hashlib
import importlib.metadata
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from common.cache import cache_root
from common.errors import InputError
from common.files import write_atomically
from common.plan import Plan, plan_from
from gx.plan.record import INTERPRETER, STARTER, RecorderCrashError, record_document
from settings.project import networks, stack_file

WORKING_TREE = ""
"""The revision that stands for the files as they are."""
PROGRAM = (
    *("Pulumi.yaml", "networks", "program.py", "uv.lock", "wiring.py"),
    *("catalogue", "common", "components", "gx", "settings"),
    "assets",  # of revisions before the components' own files lay beside them
)
"""What decides a Plan beside the network's own settings."""
KEPT = 60
"""Recorded Plans that stay on disk, about half a megabyte each."""
WORKERS = 2
_GIT_VARIABLES = ("GIT_CONFIG", "GIT_SSH", "GIT_TRACE")
_NO_SUCH_REVISION = ("Needed a single revision", "unknown revision", "bad revision", "not a valid object name")


@dataclass(frozen=True)
class Revision:
    """A git revision of the project.

    Attributes:
        name: As it was given; empty for the working tree.
        commit: Its full id; empty for the working tree.
    """

    name: str
    commit: str

    @property
    def shown(self) -> str:
        """What a user calls it."""
        return self.name or "the working tree"


def resolve(root: Path, name: str) -> Revision:
    """Return a revision by its name.

    Raises:
        InputError: There is no such revision, or no git.
    """
    if name == WORKING_TREE:
        return Revision(name, "")
    done = _git(root, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
    if done.returncode == 0:
        return Revision(name, done.stdout.decode().strip())
    consequence, fix = "git knows none", "name a commit, a branch or a tag (`git log --oneline`)"
    reason = _reason(done)
    if not any(known in reason for known in _NO_SUCH_REVISION):
        consequence, fix = f"git knows none ({reason})", "run it in a clone of the project"
        if "dubious ownership" in reason:
            fix = f"if you trust it: git config --global --add safe.directory {root}"
    elif _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"origin/{name}").returncode == 0:
        fix = f"this clone has no branch of that name: name origin/{name}"
    elif _git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        consequence, fix = "git knows none: this clone is shallow", "git fetch --unshallow, or fetch that revision"
    raise InputError(file="gx diff", key="revision", value=repr(name), consequence=consequence, fix=fix)


def described(root: Path) -> str:
    """Return what the files of the project are: the commit, and whether they differ from it; empty without git."""
    try:
        commit = _git(root, "rev-parse", "--verify", "--quiet", "--short=12", "HEAD").stdout.decode().strip()
        changed = bool(commit) and bool(_git(root, "status", "--porcelain").stdout)
    except InputError:
        return ""
    return f"{commit} with changes that are not committed" if changed else commit


def plans(
    root: Path, revisions: Sequence[Revision], stacks: Sequence[str], done: Callable[[str], None] = lambda _: None
) -> dict[tuple[Revision, str], Plan | InputError | None]:
    """Return the Plan of each network at each revision, or the line that names the revision whose program refuses it.

    None where the revision has no such network.

    Args:
        root: The project's folder.
        revisions: The revisions.
        stacks: The networks; empty for all that any of the revisions has.
        done: Called with a few words for each Plan that is there.

    Raises:
        InputError: No revision has a network that is named, or git cannot read one.
    """
    with ExitStack() as left, ThreadPoolExecutor(WORKERS) as pool:
        folders = {revision: _folder(root, revision, left) for revision in revisions}
        known = {revision: networks(folder) for revision, folder in folders.items()}
        wanted = list(stacks) or sorted({name for names in known.values() for name in names})
        for stack in wanted:
            if not any(stack in names for names in known.values()):
                fix = f"use one of {', '.join(sorted({n for names in known.values() for n in names}))}"
                raise InputError(file=stack_file(stack), consequence="no such network in these revisions", fix=fix)
        started = {
            (revision, stack): pool.submit(_plan, root, folders[revision], revision, stack, done)
            for revision in revisions
            for stack in wanted
            if stack in known[revision]
        }
        found = {key: _answer(future) for key, future in started.items()}
    return {(revision, stack): found.get((revision, stack)) for revision in revisions for stack in wanted}


def _answer(future: "Future[Plan]") -> Plan | InputError:
    """One network that is refused must not hide what happens to the others."""
    try:
        return future.result()
    except InputError as refusal:
        return refusal


def _plan(root: Path, folder: Path, revision: Revision, stack: str, done: Callable[[str], None]) -> Plan:
    kept = cache_root() / "plans" / f"{_key(root, revision, stack)}.json" if revision.commit else None
    if kept is not None and kept.exists():
        plan = plan_from(json.loads(kept.read_text(encoding="utf-8")))
        done(f"{stack} at {revision.shown}: unchanged since it was recorded")
        return plan
    try:
        document = record_document(stack, root=folder)
    except InputError as error:
        fix = "correct it there, or compare with a later revision"
        raise InputError(file=revision.shown, consequence=f"its program refuses ({error})", fix=fix) from None
    except RecorderCrashError as error:
        last = str(error).strip().splitlines()[-1]
        fix = "compare with a revision whose locked packages are those that are installed"
        raise InputError(file=revision.shown, key=stack, consequence=f"its program fails ({last})", fix=fix) from None
    if kept is not None:
        _keep(kept, json.dumps(document))
    done(f"{stack} at {revision.shown}: recorded")
    return plan_from(document)


def _keep(path: Path, text: str) -> None:
    """Keep a recorded Plan; generated values are placeholders, but no other user needs to read them."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, text)
    for old in sorted(path.parent.glob("*.json"), key=lambda file: file.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)


def _key(root: Path, revision: Revision, stack: str) -> str:
    """Return a hash of everything that decides a network's Plan at a revision."""
    paths = [*PROGRAM, stack_file(stack)]
    listed = _git(root, "ls-tree", revision.commit, "--", *paths).stdout
    names = _git(root, "ls-tree", "--name-only", revision.commit).stdout  # other networks are names that are refused
    others = b" ".join(sorted(name for name in names.split() if name.startswith(b"Pulumi.")))
    return hashlib.sha256(b"\0".join([listed, others, _recorded_by().encode(), stack.encode()])).hexdigest()[:32]


@cache
def _recorded_by() -> str:
    """Return everything else that decides a Plan: interpreter, packages that are installed, how the program is run."""
    packages = sorted(f"{one.name} {one.version}" for one in importlib.metadata.distributions())
    return "\0".join([sys.version, *INTERPRETER, STARTER, *packages])


def _folder(root: Path, revision: Revision, left: ExitStack) -> Path:
    """Return a folder with a revision's files; the working tree is its own."""
    if not revision.commit:
        return root
    folder = Path(left.enter_context(tempfile.TemporaryDirectory(prefix="gx-diff-")))
    archive = _git(root, "archive", "--format=tar", revision.commit)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    # A hook, or a shell that was in another repository, leaves variables that would lead there.
    environment = {
        key: text for key, text in os.environ.items() if not key.startswith("GIT_") or key.startswith(_GIT_VARIABLES)
    }
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False, env=environment)  # noqa: S603 the user's own git
    except OSError:
        raise InputError(file="git", consequence="is not on PATH: revisions cannot be read", fix="install it") from None
    if done.returncode != 0 and arguments[0] != "rev-parse":
        fix = "run it in a clone of the project"
        raise InputError(file="git", key=arguments[0], consequence=_reason(done), fix=fix)
    return done


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return git's own reason: the advice that follows it in other lines is for another place."""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    fatal = [line for line in lines if line.startswith("fatal: ")]
    return (fatal or lines or [f"ended with {done.returncode}"])[0].removeprefix("fatal: ")
