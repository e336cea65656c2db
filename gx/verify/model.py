"""A check of a running network, and what it found."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum, unique


@unique
class Outcome(StrEnum):
    """A failed check ends `gx verify` with 1; a skipped one says what it lacked."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class FailedError(Exception):
    """What is wrong, in one line for the person on call."""


class SkippedError(Exception):
    """What a check lacked to be tried."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one check found.

    Attributes:
        name: The check's name.
        group: What a person would look at together.
        outcome: How it ended.
        text: What was seen, or what is wrong.
        seconds: How long it took, waiting for others not counted.
    """

    name: str
    group: str
    outcome: Outcome
    text: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing to find out.

    Attributes:
        name: Unique among the checks of a network.
        group: What a person would look at together.
        run: Returns what was seen; raises `FailedError` or `SkippedError`.
        after: Checks that must have passed before this one can tell anything.
        always: Whether it runs however those ended, as what cleans up.
    """

    name: str
    group: str
    run: Callable[[], Awaitable[str]]
    after: tuple[str, ...] = ()
    always: bool = False
