"""YAML as this project reads it: each key once and as text, in a stack file nothing that the engine reads otherwise.

Pulumi's engine reads stack files by YAML 1.2 with gopkg.in/yaml.v3, PyYAML by YAML 1.1: `on`, `22:30`, `1e3`, `0o10`
and dates mean two things.
"""

import re
from typing import Any, cast

import yaml

MOST_VALUES = 200_000
"""What a file may come to when its aliases are written out; the largest stack file holds about a thousand."""
_NUMBER = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"  # a float of 1.2
    r"|[-+]?(0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*)"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_SAME = {
    "int": re.compile(r"[-+]?(0|[1-9][0-9]*)"),
    "float": re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+"),
    "bool": re.compile(r"true|True|TRUE|false|False|FALSE"),
    "null": re.compile(r"~|null|Null|NULL|"),
    "merge": re.compile(r"<<"),
}
"""Plain texts that both versions read alike, by PyYAML's type."""


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would keep the last one silently, and a key that is no text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT002 the library's signature
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = cast("object", self.construct_object(key_node, deep=True))  # pyright: ignore[reportUnknownMemberType]
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is no text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


class _OneReadingLoader(_Loader):
    """Refuses a plain text that YAML 1.1 and 1.2 read as two things."""

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:  # noqa: ANN401 the library's signature
        node = super().compose_scalar_node(anchor)  # type: ignore[no-untyped-call]
        kind = node.tag.rpartition(":")[2]
        if node.style is None and not _means_one_thing(kind, node.value):
            text = f"{node.value!r} means one thing to Pulumi and another to gx: write it in quotes"
            raise yaml.constructor.ConstructorError(None, None, text, node.start_mark)
        return node


def _means_one_thing(kind: str, text: str) -> bool:
    if kind == "str":
        return _NUMBER.fullmatch(text) is None
    return kind in _SAME and _SAME[kind].fullmatch(text) is not None


def parse(text: str, *, stack_file: bool) -> object:
    """Return what a YAML text holds.

    Args:
        text: The text.
        stack_file: Whether the engine reads it as well.

    Raises:
        YAMLError: It is no YAML, or none that has one meaning.
    """
    try:
        data: object = yaml.load(text, Loader=_OneReadingLoader if stack_file else _Loader)  # noqa: S506 SafeLoaders
        _count(data, 0, ())
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise yaml.YAMLError(" ".join(str(error).split())[:120]) from None
    return data


def _count(value: object, counted: int, above: tuple[int, ...]) -> int:
    """Count values as if aliases were written out; stop at one that holds itself, and at more than fit in memory."""
    counted += 1
    if counted > MOST_VALUES:
        raise ValueError(f"its aliases come to more than {MOST_VALUES} values")
    inside: list[object] = []
    if isinstance(value, dict):
        inside = list(cast("dict[str, object]", value).values())
    elif isinstance(value, list):
        inside = cast("list[object]", value)
    itself = id(cast("object", value))
    if inside and itself in above:
        raise ValueError("an alias holds itself")
    for one in inside:
        counted = _count(one, counted, (*above, itself))
    return counted
