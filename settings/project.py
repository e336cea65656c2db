"""Where the project's files are, and how a YAML file of it is read."""

import fcntl
import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import yaml

from common.errors import InputError, changes, note_change, uninterrupted
from settings.yaml_file import parse

ROOT = Path(__file__).resolve().parents[1]
PROJECT = "gx-infra"


def project_root() -> Path:
    """Return the nearest folder above the current one that holds this project's Pulumi.yaml, else the installed one."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "Pulumi.yaml").is_file() and (folder / "networks").is_dir():
            return folder
    return ROOT


def stack_file(stack: str) -> str:
    """Return the file name of a stack's settings."""
    return f"Pulumi.{stack}.yaml"


def release_file(stack: str) -> str:
    """Return the path of a network's bill of materials, relative to the project."""
    return f"networks/{stack}/release.yaml"


def verified_file(stack: str) -> str:
    """Return the path of the sets that a network has run and verified, relative to the project."""
    return f"networks/{stack}/verified.yaml"


def adoption_file(stack: str) -> str:
    """Return the path of a network's import ids, relative to the project."""
    return f"networks/{stack}/adoption.yaml"


def volumes_file(stack: str) -> str:
    """Return the path of the sizes that a network's claims were made with, relative to the project."""
    return f"networks/{stack}/volumes.yaml"


def local_file(stack: str) -> str:
    """Return the path of what differs when a network runs on one machine with real pods, relative to the project."""
    return f"networks/{stack}/local.yaml"


def networks(root: Path = ROOT) -> list[str]:
    """Return the names of all networks: the stacks that have a settings file."""
    return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in root.glob("Pulumi.*.yaml"))


@contextmanager
def one_writer(root: Path = ROOT) -> Generator[None]:
    """Hold the project for one command that reads a file, changes it and writes it; a second one waits.

    Raises:
        InputError: The folder cannot be opened.
    """
    try:
        folder = os.open(root, os.O_RDONLY)
    except OSError as error:
        consequence = f"cannot be opened ({error.strerror})"
        raise InputError(file=str(root), consequence=consequence, fix="make it readable") from None
    try:
        with suppress(OSError):  # a file system without locks
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                sys.stderr.write("another gx command changes files of this project: waiting for it\n")
                fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def replaced(files: Mapping[str, str], *, root: Path = ROOT, otherwise: str = "") -> Generator[None]:
    """Write files of the project, all or none; if the body fails or is interrupted, they are as they were again.

    Args:
        files: Their new content, by path relative to the project.
        root: The project's folder.
        otherwise: What follows if one cannot be written.

    Raises:
        InputError: One cannot be written.
    """
    before: dict[str, bytes | None] = {}
    name = ""
    try:
        try:
            for name, text in files.items():  # what fails for want of room or rights fails before the first change
                _part(root / name).write_text(text, encoding="utf-8")
            for name in files:
                path = root / name
                before[name] = path.read_bytes() if path.is_file() else None
                _part(path).replace(path)
                note_change(name, f"{name} was written")
        except OSError as error:
            before.pop(name, None)  # what cannot be replaced is as it was
            _put_back(before, root)
            consequence = f"cannot be written ({error.strerror}); {otherwise or changes()}"
            raise InputError(file=name, consequence=consequence, fix="make it writable") from None
        yield
    except BaseException:
        _put_back(before, root)
        raise
    finally:
        for name in files:
            with suppress(OSError):
                _part(root / name).unlink(missing_ok=True)


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _put_back(before: dict[str, bytes | None], root: Path) -> None:
    with uninterrupted():
        for name, content in before.items():
            note_change(name, f"{name} was written")
            with suppress(OSError):  # what cannot be put back stays noted
                if content is None:
                    (root / name).unlink(missing_ok=True)
                else:
                    _part(root / name).write_bytes(content)
                    _part(root / name).replace(root / name)
                note_change(name, "")
        before.clear()


def replace_file(name: str, text: str, *, root: Path = ROOT, otherwise: str = "") -> None:
    """Write a file of the project atomically; arguments and errors are those of `replaced`."""
    with replaced({name: text}, root=root, otherwise=otherwise):
        pass


def mapping_text(head: str, document: Mapping[str, Any]) -> str:
    """Return a YAML file of the project below a comment."""
    return head + yaml.safe_dump(document, sort_keys=False)


def write_mapping(name: str, head: str, document: Mapping[str, Any], *, root: Path = ROOT, otherwise: str = "") -> None:
    """Write a YAML file of the project below a comment; arguments and errors are those of `replaced`."""
    replace_file(name, mapping_text(head, document), root=root, otherwise=otherwise)


def read_mapping(name: str, *, root: Path = ROOT, fix: str) -> dict[str, Any]:
    """Return the top-level mapping of a YAML file of the project.

    Args:
        name: The file's path relative to the project, as shown in an error.
        root: The project's folder.
        fix: What to do when the file is not there.

    Raises:
        InputError: The file is missing, is no YAML, or holds something else than a mapping.
    """
    try:
        text = (root / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(file=name, consequence="the file does not exist", fix=fix) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(file=name, consequence=f"cannot be read ({error})", fix="make it a readable file") from None
    try:
        data = parse(text, stack_file=name.startswith("Pulumi."))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        location = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise InputError(
            file=name, key=location, consequence=f"malformed YAML ({problem})", fix="correct the syntax there"
        ) from None
    if not isinstance(data, Mapping):
        raise InputError(
            file=name, consequence="holds no mapping of keys to values", fix="start it with `key: value` lines"
        )
    return cast("dict[str, Any]", data)


def declared_keys(root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """Return what Pulumi.yaml says of each key of a stack file: its description, type and default.

    Raises:
        InputError: It says something else.
    """
    fix = "restore it from git"
    declared: object = read_mapping("Pulumi.yaml", root=root, fix=fix).get("config")
    entries = cast("dict[str, object]", declared) if isinstance(declared, dict) else {}
    if not entries or not all(isinstance(entry, dict) for entry in entries.values()):
        raise InputError(file="Pulumi.yaml", key="config", consequence="does not say what each key is", fix=fix)
    return cast("dict[str, dict[str, Any]]", entries)
