"""A group of commands that are loaded when they are asked for: help and completion need their names alone."""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import typer
import typer.core
import typer.main


class Entry(NamedTuple):
    """Where a command is, and what it is for in one line of the list."""

    location: str
    """"module:function", or "module:app" of a group."""
    summary: str


class Commands(Mapping[str, Any]):
    """Commands by name; each is imported by the first look at it."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = entries
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 the library's own type is private
        """Return a command."""
        if name not in self._loaded:
            self._loaded[name] = _load(name, self.entries[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self.entries)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.entries)


def _load(name: str, entry: Entry) -> Any:  # noqa: ANN401
    module, _, attribute = entry.location.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    app = typer.Typer(rich_markup_mode=None)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        app.command(name, short_help=entry.summary)(found)
    app.callback()(lambda: None)  # so that it is a group: the command is one of it, as it would be of the whole
    return cast("typer.core.TyperGroup", typer.main.get_command(app)).commands[name]


def group_of(entries: Mapping[str, Entry]) -> type[typer.core.TyperGroup]:
    """Return the class of a group whose commands are loaded lazily."""

    class LazyGroup(typer.core.TyperGroup):
        def __init__(self, **attributes: Any) -> None:  # noqa: ANN401
            super().__init__(**attributes)
            self.commands = cast("Any", Commands(entries))

        def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
            """Write the list of commands without loading one."""
            with formatter.section("Commands"):
                formatter.write_dl([(name, entry.summary) for name, entry in entries.items()])

    return LazyGroup
