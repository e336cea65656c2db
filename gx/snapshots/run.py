"""What every run shares: a time limit that ends any hang, an orderly end on SIGTERM, one line for a failure."""

import os
import signal
import sys
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType

from botocore.exceptions import BotoCoreError, ClientError

from gx.snapshots.folder import disk_error
from gx.snapshots.model import FailedError
from gx.snapshots.s3 import reason

EXIT_FAILED = 1


def say(text: str) -> None:
    """Write a line of the run's log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


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
    except FailedError as error:
        text = str(error)
    except (BotoCoreError, ClientError) as error:
        text = reason(error)
    except OSError as error:
        text = str(disk_error(error))
    else:
        return 0
    sys.stderr.write(f"{name} failed: {text}\n")
    sys.stderr.flush()
    os._exit(EXIT_FAILED)  # a thread that hangs would keep the process alive
