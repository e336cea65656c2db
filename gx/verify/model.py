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


@unique
class Cause(StrEnum):
    """What a failed check proves: only what the network showed speaks against the set that it runs."""

    SEEN = "seen"
    """It answered, and wrongly."""
    SILENT = "silent"
    """Nobody answered: the network is away, or the way to it."""
    HERE = "here"
    """This machine or this account lacks what the check needs."""


@unique
class Way(StrEnum):
    """Through what a check looks at a network: each can be closed to a machine while the others are open."""

    PUBLIC = "public names"
    DNS = "DNS"
    CLUSTER = "API server"


class CheckFailedError(Exception):
    """What is wrong, in one line for the person on call."""

    def __init__(self, text: str, cause: Cause = Cause.SEEN) -> None:
        """Keep the line, and what it proves."""
        super().__init__(text)
        self.cause = cause


class SkippedError(Exception):
    """What a check lacked to be tried."""


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What one check found.

    Attributes:
        name: The check's name.
        group: What a user would look at together.
        outcome: How it ended.
        text: What was seen, or what is wrong.
        seconds: How long it took, waiting for others not counted.
        way: Through what it looked.
        cause: What a failure proves; None where it did not fail.
    """

    name: str
    group: str
    outcome: Outcome
    text: str
    seconds: float
    way: Way = Way.PUBLIC
    cause: Cause | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing to find out.

    Attributes:
        name: Unique among the checks of a network.
        group: What a user would look at together.
        run: Returns what was seen; raises `FailedError` or `SkippedError`.
        after: Checks that must have passed before this one can tell anything.
        always: Whether it runs however those ended, as what cleans up.
        way: Through what it looks.
    """

    name: str
    group: str
    run: Callable[[], Awaitable[str]]
    after: tuple[str, ...] = ()
    always: bool = False
    way: Way = Way.PUBLIC
