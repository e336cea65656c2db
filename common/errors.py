"""The errors that become one line: mistakes in the input, and clusters that do not answer."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

from common.known_secrets import masked

LONGEST_VALUE = 80  # characters of a value that a line shows


def shown(value: object) -> str:
    """Return a value as a line shows it: as YAML writes truth values, and never longer than a line."""
    text = masked(str(value).lower() if isinstance(value, bool) else repr(value))  # first: a cut secret is not found
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


class InputError(Exception):
    """A mistake that the user can fix: shown as one line, never as a traceback; the command exits with 2."""

    def __init__(self, *, file: str, key: str = "", value: str | None = None, consequence: str, fix: str) -> None:
        """Keep the parts of the line.

        Args:
            file: The file (or command argument) that holds the input.
            key: Where in the file, as a dotted path; empty when the whole file is meant.
            value: What stands there, already free of secrets; None when nothing does.
            consequence: What would go wrong, in a few words.
            fix: What to write instead.
        """
        self.file, self.key, self.value, self.consequence, self.fix = file, key, value, consequence, fix
        location = f"{file}: {key}" if key else file
        shown = "" if value is None else f" = {value}"
        super().__init__(" ".join(masked(f"{location}{shown}: {consequence}; fix: {fix}").split()))

    def moved(self, file: str) -> "InputError":
        """Return the same error about another file that holds the key."""
        return InputError(file=file, key=self.key, value=self.value, consequence=self.consequence, fix=self.fix)


class ShownError(InputError):
    """An error whose line was written elsewhere already, by a child process."""

    def __init__(self, line: str) -> None:
        Exception.__init__(self, line)
        self.file, self.key, self.value, self.consequence, self.fix = "", "", None, line, ""


class ClusterError(Exception):
    """A cluster that refused or did not answer, where nobody has said more about it: shown as one line, too."""

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(masked(text).split()))


class Interrupted(BaseException):
    """Ctrl-C, SIGTERM or a closed terminal, in a form that the command-line library does not answer itself.

    Attributes:
        state: What a user must know about what was begun; empty where `changes` says it all.
        code: The exit code of a command that such a signal ends.
    """

    state = ""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.code = 128 + number


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a command early, each in the same way."""

_changed: dict[str, str] = {}


def note_change(what: str, text: str) -> None:
    """Keep what this run has done to something; with an empty text it is as it was again."""
    if text:
        _changed[what] = text
    else:
        _changed.pop(what, None)


def changes() -> str:
    """Return what this run has changed so far: what an interrupted command says, and one that fails half way."""
    return "; ".join(_changed.values()) or "nothing was changed"


@contextmanager
def begun(state: str) -> Generator[None]:
    """Do something that an interruption may cut in two; it then says the state instead."""
    try:
        yield
    except Interrupted as interrupted:
        interrupted.state = interrupted.state or state
        raise


@contextmanager
def uninterrupted() -> Generator[None]:
    """Go a way back to its end: signals are ignored meanwhile, also by the programs that are started."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
