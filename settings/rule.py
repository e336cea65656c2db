"""What a rule between settings evaluates, and the one line that a broken one becomes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import InputError, shown
from settings.project import PROJECT, stack_file
from settings.settings import Settings


@dataclass(frozen=True)
class Case:
    """What the rules evaluate: the settings of one network, the names of all others, the project's folder."""

    settings: Settings
    others: Sequence[str]
    root: Path


Rule = Callable[[Case], Iterator[InputError]]


def problem_of(settings: Settings, key: str, value: object, consequence: str, fix: str) -> InputError:
    """Return the line about one key of a network's stack file; a value of None is not shown."""
    return InputError(
        file=stack_file(settings.network.name),
        key=f"{PROJECT}:{key}",
        value=None if value is None else shown(value),
        consequence=consequence,
        fix=fix,
    )
