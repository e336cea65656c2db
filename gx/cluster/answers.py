"""What an answer of an API server must be: a login page with status 200 is no empty cluster."""

import json
from collections.abc import Callable
from typing import cast

from common.known_secrets import remember_object
from common.objects import Object, mapping


def json_object(text: bytes) -> Object | None:
    """Return what a body holds without what is null, which is as if it were not there; None when it is no object."""
    try:
        answer: object = json.loads(text, object_pairs_hook=_without_null)
    except (ValueError, RecursionError):
        return None
    return cast("Object", answer) if isinstance(answer, dict) else None


def _without_null(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return {key: value for key, value in pairs if value is not None}


def remembered(manifest: Object) -> Object:
    """Return an object, the values of a Secret being known from now on: a refusal may repeat them."""
    if manifest.get("kind") == "Secret":
        remember_object(manifest)
    return manifest


def is_object(answer: Object) -> bool:
    """Whether an answer is an object of a cluster."""
    return bool(mapping(answer, "metadata").get("name"))


def are(found: object, right: Callable[[Object], bool]) -> bool:
    """Whether something is a list of objects that are right; an empty one is, a missing one is not."""
    entries = cast("list[object]", found) if isinstance(found, list) else [None]
    return all(isinstance(entry, dict) and right(cast("Object", entry)) for entry in entries)
