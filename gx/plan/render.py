"""Manifests of a Plan: one YAML document per object, in the order in which kubectl would apply them."""

import hashlib
import re
import tempfile
from pathlib import Path
from typing import Any

import yaml

from common.errors import InputError
from common.plan import Plan, Resource
from common.values import plain

APPLY_ORDER = (
    "Namespace",
    "ResourceQuota",
    "LimitRange",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "NetworkPolicy",
    "Service",
    "StatefulSet",
    "Job",
    "Deployment",
    "DaemonSet",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "CronJob",
    "Ingress",
)
MARKER = ".gx-rendered"
"""Lists the files of a rendered folder with their hashes, as sha256sum does."""
_NAMED = 3  # files that an error names


class _Dumper(yaml.CSafeDumper):
    """Quotes what older YAML readers take for something else ("on", "no", "n"); long texts stay readable.

    Libyaml's: Python's own takes seconds for thousands of objects.
    """

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 the library's signature
        return True


_AMBIGUOUS = re.compile(r"(y|n|yes|no|on|off|true|false|null|~|[-+.\d].*)", re.IGNORECASE)


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else ('"' if _AMBIGUOUS.fullmatch(text) else None)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)  # pyright: ignore[reportUnknownMemberType]


_Dumper.add_representer(str, _text)  # pyright: ignore[reportArgumentType]


def apply_order(resource: Resource) -> tuple[int, str, str]:
    """Return the sort key of an object: kinds that others need come first."""
    rank = APPLY_ORDER.index(resource.kind) if resource.kind in APPLY_ORDER else len(APPLY_ORDER)
    return rank, resource.namespace, resource.object_name


def to_yaml(resource: Resource, *, show_secrets: bool = False) -> str:
    """Return an object as YAML with sorted keys; secret values are redacted unless asked for."""
    manifest = plain(resource.manifest, show_secrets=show_secrets)
    head = {key: manifest.pop(key) for key in ("apiVersion", "kind") if key in manifest}
    top = yaml.dump(head, Dumper=_Dumper, sort_keys=False)
    return top + yaml.dump(manifest, Dumper=_Dumper, sort_keys=True, width=120, allow_unicode=True)


def rendered(plan: Plan, *, show_secrets: bool = False) -> dict[str, str]:
    """Return the text of every file by its name, in the order of application."""
    return {
        f"{index:03}-{resource.kind.lower()}-{resource.object_name}.yaml": to_yaml(resource, show_secrets=show_secrets)
        for index, resource in enumerate(sorted(plan.objects, key=apply_order), start=1)
    }


def check_folder(folder: Path) -> None:
    """Refuse a folder in which something would be lost.

    Raises:
        InputError: It holds something that was not rendered by this command, or was changed since, or cannot be read.
    """
    try:
        foreign = _foreign(folder) if folder.is_dir() else ([folder.name] if folder.exists() else [])
    except OSError as error:
        consequence = f"cannot be read ({error.strerror})"
        raise InputError(file=str(folder), consequence=consequence, fix="name a new folder") from None
    if foreign:
        more = f" and {len(foreign) - _NAMED} more" if len(foreign) > _NAMED else ""
        raise InputError(
            file=str(folder),
            consequence=f"holds what was not rendered by gx, or changed since: {', '.join(foreign[:_NAMED])}{more}; "
            "it would be lost",
            fix="name an empty or a new folder, or move that out of it",
        )


def _foreign(folder: Path) -> list[str]:
    """Return what lies in a folder and is not as this command wrote it."""
    marker = folder / MARKER
    listed = marker.read_text(encoding="utf-8", errors="replace") if marker.is_file() else ""
    hashes = {name: text for text, _, name in (line.partition("  ") for line in listed.splitlines())}
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.name != MARKER and (path.is_symlink() or not path.is_file() or hashes.get(path.name) != _hash(path))
    )


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_rendered(plan: Plan, folder: Path, *, show_secrets: bool = False) -> int:
    """Write the manifests into a folder, all or none, and return how many.

    Raises:
        InputError: The folder holds something that was not rendered by this command, or cannot be written.
    """
    check_folder(folder)
    files, location = rendered(plan, show_secrets=show_secrets), folder.resolve()
    try:
        location.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{location.name}-", dir=location.parent) as beside:
            fresh = Path(beside) / "new"
            fresh.mkdir()
            for name, text in files.items():
                path = fresh / name
                path.touch(mode=0o600 if show_secrets else 0o644)
                path.write_text(text, encoding="utf-8")
            marker = "".join(f"{_hash(fresh / name)}  {name}\n" for name in files)
            (fresh / MARKER).write_text(marker, encoding="utf-8")
            _exchange(location, fresh, Path(beside) / "old")
    except OSError as error:
        raise InputError(
            file=str(folder),
            consequence=f"cannot be written ({error.strerror})",
            fix="name a folder that can be written",
        ) from None
    return len(files)


def _exchange(folder: Path, fresh: Path, old: Path) -> None:
    """Put a fresh folder in the place of another; whatever interrupts it, one of them is there."""
    try:
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    except BaseException:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
