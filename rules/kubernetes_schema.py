"""The OpenAPI schema of production's Kubernetes version: of what is written, and of what an API server answers."""

import functools
from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

import jsonschema
import jsonschema.validators
import referencing
from kubernetes_validate import utils  # pyright: ignore[reportMissingTypeStubs]

KUBERNETES_VERSION = "1.33"  # production runs k3s v1.33.5, production.md#cluster-and-networks
_LONGEST = 120
_Draft = jsonschema.validators.Draft202012Validator


def _ignored(*_: object) -> tuple[Any, ...]:
    return ()


def _wrong(keyword: str, wanted: str) -> jsonschema.ValidationError:
    return jsonschema.ValidationError(wanted, validator=keyword, validator_value=wanted)


def _items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ANN401 the library's
    if isinstance(instance, list) and None in instance:
        yield _wrong("items", "a list without null")
    yield from _Draft.VALIDATORS["items"](validator, wanted, instance, schema)


def _format(_: object, wanted: Any, instance: Any, __: object) -> Iterator[Any]:  # noqa: ANN401
    if wanted == "date-time" and isinstance(instance, str):
        try:
            right = datetime.fromisoformat(instance).tzinfo is not None
        except ValueError:
            right = False
        if not right:
            yield _wrong("format", "a time with its zone")


# Servers leave out what is empty, and newer ones know more values: only another type is wrong.
_library: Any = jsonschema.validators
_Answer = _library.extend(
    _Draft, {"items": _items, "format": _format} | dict.fromkeys(("enum", "pattern", "required"), _ignored)
)


@functools.cache
def _definitions(folder: str) -> referencing.Registry[Any]:
    definitions = utils.schema_contents(f"{folder}/_definitions.json", KUBERNETES_VERSION)
    resource = referencing.Resource[Any].from_contents(definitions)
    return resource @ referencing.Registry[Any]()


@functools.cache
def validator(api_version: str, kind: str, *, answer: bool = False) -> Any | None:  # noqa: ANN401 the library's protocol
    """Return the validator of a kind, or None where Kubernetes itself has no such kind.

    Args:
        api_version: Group and version, as objects write it.
        kind: The kind.
        answer: For what a server of any version answered: unknown fields are right. Else for what is written.
    """
    folder = f"kubernetes-json-schema/v{KUBERNETES_VERSION}.0-local" + ("" if answer else "-strict")
    group, _, version = api_version.rpartition("/")
    name = f"{kind}-{group.split('.')[0]}-{version}" if group else f"{kind}-{version}"
    try:
        schema = utils.schema_contents(f"{folder}/{name.lower()}.json", KUBERNETES_VERSION)
    except FileNotFoundError:
        return None
    registry = referencing.Resource[Any].from_contents(schema) @ _definitions(folder)
    return (_Answer if answer else _Draft)(schema, registry=registry)


def misshapen(api_version: str, kind: str, answer: object) -> str:
    """Return where an answer of an API server is not what its kind is made of; empty where it is."""
    known = validator(api_version, kind, answer=True)
    wrong = next(known.iter_errors(answer), None) if known else None
    if wrong is None:
        return ""
    path = ".".join(str(part) for part in wrong.absolute_path) or kind
    wanted: object = wrong.validator_value
    if isinstance(wanted, list) and wrong.validator == "type":
        wanted = " or ".join(one for one in cast("list[str]", wanted) if one != "null")
    text = wanted if isinstance(wanted, str) else "what its kind has there"
    return f"{path} is not {text}"[:_LONGEST]  # the library's text repeats the value: a secret, maybe
