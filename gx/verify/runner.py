"""Runs checks at the same time, within one deadline."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from gx.verify.masking import masked
from gx.verify.model import Cause, Check, FailedError, Outcome, Result, SkippedError


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
    done: Callable[[Result], None] = lambda _: None,
    secrets: Callable[[], Iterable[str]] = tuple[str, ...],
) -> list[Result]:
    """Return what every check found, in the order of the checks.

    Args:
        checks: The checks; what one needs stands before it.
        deadline: Seconds for all of them together; what is not finished by then has failed.
        done: Called with each result as it comes.
        secrets: Returns what this run was given and must not show, such as passwords and tokens.
    """

    def result(check: Check, outcome: Outcome, text: str, seconds: float, cause: Cause | None = None) -> Result:
        line = masked(" ".join(text.split()), secrets())
        found = Result(
            name=check.name, group=check.group, outcome=outcome, text=line, seconds=seconds, way=check.way, cause=cause
        )
        done(found)
        return found

    asyncio.get_running_loop().set_default_executor(_Daemons())  # names are looked up and the API server asked there
    ends = time.monotonic() + deadline
    tasks: dict[str, asyncio.Task[Result]] = {}
    async with asyncio.TaskGroup() as group:
        for check in checks:
            needed = {name: tasks[name] for name in check.after}
            tasks[check.name] = group.create_task(_one(check, needed, ends, deadline, result))
    return [tasks[check.name].result() for check in checks]


async def _one(
    check: Check,
    needed: dict[str, "asyncio.Task[Result]"],
    ends: float,
    deadline: float,
    result: Callable[..., Result],
) -> Result:
    for name, task in needed.items():
        if (await task).outcome is not Outcome.PASSED and not check.always:
            return result(check, Outcome.SKIPPED, f"not tried: {name} did not pass", 0)
    began = time.monotonic()
    outcome, text, cause = Outcome.PASSED, "", None
    try:
        async with asyncio.timeout(ends - began):
            text = await check.run()
    except FailedError as error:
        outcome, text, cause = Outcome.FAILED, str(error), error.cause
    except SkippedError as error:
        outcome, text = Outcome.SKIPPED, str(error)
    except TimeoutError:
        outcome, cause = Outcome.FAILED, Cause.SILENT
        text = f"no answer within the {deadline:g} s that all checks have together"
    return result(check, outcome, text, time.monotonic() - began, cause)
