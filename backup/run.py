"""What every run shares: a time limit that ends any hang, an orderly end on SIGTERM, one line for a failure."""

import html
import json
import os
import re
import signal
import sys
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from urllib.parse import quote, quote_plus

from botocore.exceptions import BotoCoreError, ClientError

from backup.folder import disk_error
from backup.s3 import reason
from backup.snapshot import FailedError

EXIT_FAILED = 1
LONGEST = 1000  # characters of a failure's line; some servers answer with a page
KEY_ID, SECRET, IDENTITY = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AGE_IDENTITY"  # with a prefix, too
SHORT = 8  # characters; a shorter key is only masked where it is a word by itself


def say(text: str) -> None:
    """Write a line of the run's log, without the keys that the run was given."""
    sys.stdout.write(f"{masked(text)}\n")
    sys.stdout.flush()


def masked(text: str) -> str:
    """Return a text without the keys that the environment holds, in any form in which a library may show them."""
    keys = tuple(
        (name.endswith(KEY_ID), value)
        for name, value in os.environ.items()
        if name.endswith((KEY_ID, SECRET, IDENTITY))
    )
    return _pattern(keys).sub("***", text)


@cache
def _pattern(keys: tuple[tuple[bool, str], ...]) -> re.Pattern[str]:
    found: set[str] = set()
    for is_id, value in keys:
        for form in _forms(value):
            plain = form.casefold() == value.strip().casefold()
            word = len(form) < SHORT or (is_id and plain)  # an id is often a part of other names
            found.add(rf"(?<![\w-]){re.escape(form)}(?![\w-])" if word else re.escape(form))
    found.add("(?<=://)[^/@\\s]+(?=@)")  # an address with a key pair, as mc takes it
    return re.compile("|".join(sorted(found, key=len, reverse=True)), re.IGNORECASE)


def _forms(value: str) -> set[str]:
    found: set[str] = set()
    for text in {value, value.strip()}:
        data = text.encode(errors="surrogateescape")
        found |= {text, data.hex(), quote(data), quote(data, safe=""), quote_plus(data)}
        found |= {repr(text)[1:-1], repr(data)[2:-1], json.dumps(text)[1:-1], html.escape(text)}
        if len(text) >= SHORT:
            found |= {*_base64(data)}
    return found - {""}


def _base64(data: bytes) -> Iterator[str]:
    """Yield what base64 makes of some bytes, by themselves and inside of something longer."""
    for encode in (b64encode, urlsafe_b64encode):
        yield encode(data).decode()
        for before in range(3):
            text = encode(bytes(before) + data).decode()
            yield text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def why(error: BaseException) -> str:
    """Return why a run ended, in one line without keys; never empty."""
    match error:
        case FailedError():
            text = str(error)
        case BotoCoreError() | ClientError():
            text = reason(error)
        case OSError():
            text = str(disk_error(error))
        case KeyboardInterrupt():
            text = "was interrupted"
        case SystemExit():
            text = f"ended itself with code {error.code}"
        case _:
            location = traceback.extract_tb(error.__traceback__)[-1:]
            where = "".join(f" ({Path(frame.filename).name}, line {frame.lineno})" for frame in location)
            text = f"unexpected {type(error).__name__}: {error}{where}"
    return " ".join(masked(text).split())[:LONGEST] or type(error).__name__


class _Stopped(BaseException):
    """Ends whatever runs: no library takes it for an error of the network and tries again."""


@contextmanager
def time_limit(seconds: float) -> Generator[None]:
    """End what runs inside after some seconds, whatever it waits for, and on SIGTERM.

    Raises:
        FailedError: The time is over, or the pod was told to stop.
    """

    def over(_number: int, _frame: FrameType | None) -> None:
        raise _Stopped(f"was not done after {seconds:.0f} s")

    def stopped(_number: int, _frame: FrameType | None) -> None:
        raise _Stopped("was told to stop (SIGTERM)")

    before = signal.signal(signal.SIGALRM, over), signal.signal(signal.SIGTERM, stopped)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _Stopped as stop:
        raise FailedError(str(stop)) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before[0])
        signal.signal(signal.SIGTERM, before[1])


@contextmanager
def workers(count: int) -> Generator[ThreadPoolExecutor]:
    """Run threads whose unfinished work is not waited for when what runs inside fails: they may hang."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def finish(name: str, work: Callable[[], None]) -> int:
    """Run the work of a pod; return 0, or write one line to standard error and end the process if it failed."""
    try:
        work()
    except BaseException as error:  # noqa: BLE001 whatever it is: one line, no traceback
        text = why(error)
    else:
        return 0
    sys.stderr.write(f"{name} failed: {text}\n")
    sys.stderr.flush()
    os._exit(EXIT_FAILED)  # a thread that hangs would keep the process alive
