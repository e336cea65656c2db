"""Runs checks at the same time, within one deadline."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from gx.verify.model import Check, FailedError, Outcome, Result, SkippedError


async def run_checks(
    checks: Sequence[Check], deadline: float, done: Callable[[Result], None] = lambda _: None
) -> list[Result]:
    """Return what every check found, in the order of the checks.

    Args:
        checks: The checks; what one needs stands before it.
        deadline: Seconds for all of them together; what is not finished by then has failed.
        done: Called with each result as it comes.
    """
    # One thread each: names are looked up and the API server is asked in threads.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=len(checks) + 1))
    ends = time.monotonic() + deadline
    tasks: dict[str, asyncio.Task[Result]] = {}
    async with asyncio.TaskGroup() as group:
        for check in checks:
            needed = {name: tasks[name] for name in check.after}
            tasks[check.name] = group.create_task(_one(check, needed, ends, deadline, done))
    return [tasks[check.name].result() for check in checks]


async def _one(
    check: Check,
    needed: dict[str, "asyncio.Task[Result]"],
    ends: float,
    deadline: float,
    done: Callable[[Result], None],
) -> Result:
    for name, task in needed.items():
        if (await task).outcome is not Outcome.PASSED and not check.always:
            return _result(check, Outcome.SKIPPED, f"not tried: {name} did not pass", 0, done)
    began = time.monotonic()
    outcome, text = Outcome.PASSED, ""
    try:
        async with asyncio.timeout(ends - began):
            text = await check.run()
    except FailedError as error:
        outcome, text = Outcome.FAILED, str(error)
    except SkippedError as error:
        outcome, text = Outcome.SKIPPED, str(error)
    except TimeoutError:
        outcome, text = Outcome.FAILED, f"no answer within the {deadline:g} s that all checks have together"
    return _result(check, outcome, text, time.monotonic() - began, done)


def _result(check: Check, outcome: Outcome, text: str, seconds: float, done: Callable[[Result], None]) -> Result:
    line = " ".join(text.split())
    result = Result(name=check.name, group=check.group, outcome=outcome, text=line, seconds=seconds)
    done(result)
    return result
