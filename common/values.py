"""Values of a Plan: plain JSON, with secrets and unknown values marked where they stand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

SECRET_MARK = "$secret"  # the key of a marker in JSON
UNKNOWN_MARK = "$unknown"
REDACTED = "(secret)"
UNKNOWN_TEXT = "(known after apply)"

Json = Any
"""None, bool, int, float, str, list or dict, nested: what JSON holds."""


@dataclass(frozen=True)
class Secret:
    """A value that the engine would keep encrypted."""

    value: Json

    def __repr__(self) -> str:
        """Never show the value."""
        return REDACTED


@dataclass(frozen=True)
class Unknown:
    """A value that only the engine learns, when it creates something."""


def decode(value: Json) -> Any:  # noqa: ANN401 any value
    """Return a value with its markers turned into `Secret` and `Unknown`.

    The mark of a secret mapping moves to its values: the names of keys are no secret, and references need them.
    """
    if isinstance(value, dict):
        mapping = cast("dict[str, Json]", value)
        if list(mapping) == [SECRET_MARK]:
            return _secret(decode(mapping[SECRET_MARK]))
        if list(mapping) == [UNKNOWN_MARK]:
            return Unknown()
        return {key: decode(entry) for key, entry in mapping.items()}
    if isinstance(value, list):
        return [decode(entry) for entry in cast("list[Json]", value)]
    return value


def _secret(value: Any) -> Any:  # noqa: ANN401 any value
    if isinstance(value, dict):
        return {key: _secret(entry) for key, entry in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_secret(entry) for entry in cast("list[Any]", value)]
    return value if isinstance(value, Secret | Unknown) else Secret(value)


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 any value
    """Yield the path and value of every leaf; a `Secret` is a leaf."""
    if isinstance(value, Mapping) and value:
        for key, entry in cast("Mapping[str, Any]", value).items():
            yield from walk(entry, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for index, entry in enumerate(cast("list[Any]", value)):
            yield from walk(entry, f"{path}[{index}]")
    else:
        yield path, value


def plain(value: Any, *, show_secrets: bool = False) -> Json:  # noqa: ANN401 any value
    """Return a value as plain JSON; a secret becomes a word that says so, unless it is asked for."""
    if isinstance(value, Secret):
        return value.value if show_secrets else REDACTED
    if isinstance(value, Unknown):
        return UNKNOWN_TEXT
    if isinstance(value, Mapping):
        return {key: plain(entry, show_secrets=show_secrets) for key, entry in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [plain(entry, show_secrets=show_secrets) for entry in cast("list[Any]", value)]
    return value
