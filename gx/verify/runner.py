"""Runs checks at the same time, within one deadline."""

import asyncio
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from common.errors import SIGNALS, Interrupted
from gx.verify.masking import recordable
from gx.verify.model import Cause, Check, CheckFailedError, CheckResult, Outcome, SkippedError

T = TypeVar("T")


class _Daemons(ThreadPoolExecutor):
    """A thread for each call, which nobody waits for: a server that hangs must not outlast the deadline."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 any call
        """Start a call."""
        future: Future[Any] = Future()

        def work() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 it is raised where the future is awaited
                future.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT002 the library's signature
        """Wait for nothing."""


async def run_checks(
    checks: Sequence[Check],
    deadline: float,
    done: Callable[[CheckResult], None] = lambda _: None,
) -> list[CheckResult]:
    """Return what every check found, in the order of the checks.

    Args:
        checks: The checks; what one needs stands before it.
        deadline: Seconds for all of them together; what is not finished by then has failed.
        done: Called with each result as it comes.
    """

    def result(check: Check, outcome: Outcome, text: str, seconds: float, cause: Cause | None = None) -> CheckResult:
        line = " ".join(recordable(text).split())
        found = CheckResult(
            name=check.name, group=check.group, outcome=outcome, text=line, seconds=seconds, way=check.way, cause=cause
        )
        done(found)
        return found

    asyncio.get_running_loop().set_default_executor(_Daemons())  # names are looked up and the API server asked there
    ends = time.monotonic() + deadline
    tasks: dict[str, asyncio.Task[CheckResult]] = {}
    async with asyncio.TaskGroup() as group:
        for check in checks:
            needed = {name: tasks[name] for name in check.after}
            tasks[check.name] = group.create_task(_one(check, needed, ends, deadline, result))
    return [tasks[check.name].result() for check in checks]


async def interruptible(work: Coroutine[Any, Any, T], after: Callable[[], Awaitable[str]]) -> T:
    """Return what work returns; a signal cancels it. A handler that raises would be lost inside the event loop.

    Args:
        work: What is done.
        after: Cleans up after an interruption, and returns what is true then.

    Raises:
        Interrupted: By a signal.
    """
    loop, task, caught = asyncio.get_running_loop(), asyncio.ensure_future(work), list[int]()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def stop(number: int) -> None:
        caught.append(number)
        if len(caught) == 1:  # a second one does not cut off the way back
            task.cancel()

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not caught:
            raise
        interrupted = Interrupted(caught[0])
        interrupted.state = await after()
        raise interrupted from None
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


async def _one(
    check: Check,
    needed: dict[str, "asyncio.Task[CheckResult]"],
    ends: float,
    deadline: float,
    result: Callable[..., CheckResult],
) -> CheckResult:
    for name, task in needed.items():
        if (await task).outcome is not Outcome.PASSED and not check.always:
            return result(check, Outcome.SKIPPED, f"not tried: {name} did not pass", 0)
    began = time.monotonic()
    outcome, text, cause = Outcome.PASSED, "", None
    try:
        async with asyncio.timeout(ends - began):
            text = await check.run()
    except CheckFailedError as error:
        outcome, text, cause = Outcome.FAILED, str(error), error.cause
    except SkippedError as error:
        outcome, text = Outcome.SKIPPED, str(error)
    except TimeoutError:
        outcome, cause = Outcome.FAILED, Cause.SILENT
        text = f"no answer within the {deadline:g} s that all checks have together"
    except Exception as error:  # noqa: BLE001 the results of all others would be lost with it
        outcome, cause = Outcome.FAILED, Cause.HERE
        text = f"this check of gx-infra broke off, please report it ({type(error).__name__}: {error})"
    return result(check, outcome, text, time.monotonic() - began, cause)
