"""A file's content as a model: what is wrong in it becomes one line."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from common.errors import InputError, shown
from settings.fields import Model
from settings.project import read_mapping

M = TypeVar("M", bound=Model)


def validated(model: type[M], data: Mapping[str, object], file: str, prefix: str = "") -> M:
    """Return a file's content as a model.

    Raises:
        InputError: A key is missing, unknown or wrong.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise _as_input_error(model, details[0], file, prefix, more=len(details) - 1) from None


def _as_input_error(model: type[Model], detail: ErrorDetails, file: str, prefix: str, more: int) -> InputError:
    path = [part for part in detail["loc"] if part != "[key]"]
    key = prefix + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    kind, message = detail["type"], detail["msg"].removeprefix("Value error, ")
    given = cast("object", detail["input"])
    value: str | None = shown(given)
    message = message.replace(repr(given), value)  # most messages repeat the value
    if kind == "missing":
        value, message, fix = None, "the required key is missing", "add it, as another network's file has it"
    elif kind == "extra_forbidden":
        value, message, fix = None, "unknown key: nothing would read it", _suggestion(model, path)  # a misspelt secret?
    elif kind.endswith(("_type", "_parsing")):
        fix = "write the type that is named"
    else:
        fix = "correct the value"
    rest = f" (and {more} more)" if more else ""
    return InputError(file=file, key=key, value=value, consequence=message + rest, fix=fix)


def _suggestion(model: type[Model], path: list[Any]) -> str:
    known: list[str] = []
    if len(path) == 1:
        known = [field.alias or name for name, field in model.model_fields.items()]
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    if str(path[-1]) in {"namespace", "host", "network"}:
        return "remove it: namespace and hosts derive from the stack's name"
    return f"write {close[0]}" if close else "remove it or correct its spelling"


def read_optional(model: type[M], file: str, *, root: Path, fix: str) -> M | None:
    """Return the content of a file that need not be there, or None.

    Args:
        model: What it holds.
        file: Its path in the project.
        root: The project's folder.
        fix: What to do when it cannot be read.

    Raises:
        InputError: The file cannot be used.
    """
    if not (root / file).exists():
        return None
    return validated(model, read_mapping(file, root=root, fix=fix), file)
