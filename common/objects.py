"""Reading objects of an API server: what is not there, or null, is empty."""

from collections.abc import Mapping
from typing import Any, cast

Object = dict[str, Any]
"""An object as the API server writes it."""


def mapping(value: object, *path: str) -> dict[str, Any]:
    """Return the mapping at a path, or an empty one."""
    found = _at(value, path)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def sequence(value: object, *path: str) -> list[Any]:
    """Return the list at a path, or an empty one."""
    found = _at(value, path)
    return cast("list[Any]", found) if isinstance(found, list) else []


def identifier(metadata: Mapping[str, Any]) -> str:
    """Return the id by which the provider knows an object: "namespace/name", or the name outside every namespace."""
    name, namespace = str(metadata["name"]), metadata.get("namespace")
    return f"{namespace}/{name}" if namespace else name


def _at(value: object, path: tuple[str, ...]) -> object:
    for key in path:
        value = cast("Mapping[str, object]", value).get(key) if isinstance(value, Mapping) else None
    return value
