"""Schedules of CronJobs, with the grammar and the meaning that Kubernetes gives them.

Kubernetes reads them with github.com/robfig/cron/v3: five fields or a word such as @daily, days of the week from 0 to
6, no L, W or #. Where day of month and day of week are both limited, either one starts a run; there `*/2` is a limit,
which other crons read otherwise.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import NamedTuple

from cronsim import CronSim, CronSimError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class _Field(NamedTuple):
    name: str
    first: int
    last: int
    names: Mapping[str, int] = {}


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_RUNS = 400  # more than a year of weekly runs, a quarter of four a day
_START = datetime(2025, 1, 1, tzinfo=UTC)
_NEVER = timedelta(days=366)


def check_schedule(text: str) -> str:
    """Return a schedule as it was written.

    Raises:
        ValueError: Kubernetes would refuse it, or never start a run.
    """
    if text.startswith(_EVERY):
        _every(text)
    else:
        runs(text, _START)
    return text


def shortest_interval(schedule: str) -> timedelta:
    """Return the shortest time between two runs of a schedule, in UTC."""
    return min(_intervals(schedule), default=_NEVER)


def longest_interval(schedule: str) -> timedelta:
    """Return the longest time between two runs of a schedule, in UTC."""
    return max(_intervals(schedule), default=_NEVER)


def _intervals(schedule: str) -> Iterator[timedelta]:
    if schedule.startswith(_EVERY):
        return iter((_every(schedule),))
    return (later - earlier for earlier, later in pairwise(islice(runs(schedule, _START), _RUNS)))


def _every(text: str) -> timedelta:
    """Return the time of `@every`, a duration as Go writes it; less than a second counts as one."""
    duration = text.removeprefix(_EVERY)
    parts = re.findall(r"(\d+\.?\d*|\.\d+)(h|ms|m|us|µs|ns|s)", duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise ValueError(f"{text!r} is no schedule: {duration!r} is no duration such as 6h or 1h30m")
    return max(
        timedelta(seconds=int(sum(float(number) * _UNITS[unit] for number, unit in parts))), timedelta(seconds=1)
    )


def runs(text: str, since: datetime) -> Iterator[datetime]:
    """Yield when a schedule of fields or of a word starts a run, in UTC.

    Raises:
        ValueError: Kubernetes would refuse it.
    """
    minute, hour, day, month, weekday = _canonical(text).split()
    try:
        return CronSim(f"{minute} {hour} {day} {month} {weekday}", since)
    except CronSimError:  # a day that no month of the list has, such as 30 February
        if weekday == "*":
            raise ValueError(f"{text!r} names a day that no month has: it would never start a run") from None
        return CronSim(f"{minute} {hour} * {month} {weekday}", since)


def _canonical(text: str) -> str:
    """Return a schedule in fields of numbers, ranges and bare stars alone, which every cron reads alike."""
    if text.startswith("@"):
        if text not in _WORDS:
            known = ", ".join([*_WORDS, "@every 6h"])
            raise ValueError(f"{text!r} is no schedule that Kubernetes knows; the words are {known}")
        return _WORDS[text]
    if re.match(r"(CRON_)?TZ=", text):
        raise ValueError(f"{text!r} names a time zone: Kubernetes refuses that, and every schedule here is UTC")
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"{text!r} is no cron schedule: {len(fields)} fields instead of {len(_FIELDS)}")
    return " ".join(_field(text, value, field) for value, field in zip(fields, _FIELDS, strict=True))


def _field(text: str, value: str, field: _Field) -> str:
    ranges, every = list[str](), False
    for item in value.split(","):
        bounds, slash, step = item.partition("/")
        if slash and (not re.fullmatch(r"[0-9]{1,3}", step) or int(step) == 0):
            raise ValueError(f"{text!r} is no cron schedule: {field.name} has the step {step!r}")
        low, dash, high = bounds.partition("-")
        if bounds in {"*", "?"}:
            every |= int(step or 1) == 1
            begin, end = field.first, field.last
        else:
            begin = _number(text, low, field)
            end = _number(text, high, field) if dash else (field.last if slash else begin)
        if end < begin:
            raise ValueError(f"{text!r} is no cron schedule: {field.name} {item!r} ends before it begins")
        numbers = f"{begin}-{end}" if begin < end else f"{begin}"
        ranges.append(f"{numbers}/{step}" if slash and begin < end else numbers)
    return "*" if every else ",".join(ranges)


def _number(text: str, part: str, field: _Field) -> int:
    found = field.names.get(part.lower(), int(part) if re.fullmatch(r"[0-9]{1,3}", part) else -1)
    if not field.first <= found <= field.last:
        known = f"{field.first} to {field.last}"
        raise ValueError(f"{text!r} is no cron schedule: {field.name} {part!r} is not in {known}")
    return found
