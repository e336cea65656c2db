"""Quota arithmetic: what a namespace needs at once, compared with its ResourceQuota (production.md, incident 18)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from common.quantities import format_bytes, format_cores, parse_quantity

POD_FIGURES = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory", "pods")


@dataclass(frozen=True, kw_only=True)
class PodGroup:
    """Pods of one controller.

    Attributes:
        name: Who they are, for a message.
        steady: How many always run; of a Job, how many may run.
        peak: How many run at most, where an autoscaler may add some.
        surge: How many more run while it rolls.
        per_pod: requests.cpu, requests.memory, limits.cpu and limits.memory of one pod, in cores and bytes.
    """

    name: str
    steady: int
    peak: int
    surge: int
    per_pod: Mapping[str, Decimal]

    def figure(self, name: str) -> Decimal:
        """Return one figure of a single pod; a pod counts as one of `pods`."""
        return Decimal(1) if name == "pods" else self.per_pod.get(name, Decimal(0))


@dataclass(frozen=True)
class Shortfall:
    """A figure of the quota that does not hold the need.

    Attributes:
        figure: The quota's figure, such as requests.cpu.
        hard: What the quota allows, as written.
        need: What is needed, as people write it.
        at_peak_only: The steady need fits; only autoscaler maximum and all rollouts at once do not.
    """

    figure: str
    hard: str
    need: str
    at_peak_only: bool


def needed(groups: Sequence[PodGroup], figure: str, *, peak: bool) -> Decimal:
    """Return how much of a figure the pods need at once.

    Steady: everything runs and the largest single rollout is under way. Peak: every autoscaler is at its maximum
    and everything rolls at the same time, as it does when a shared ConfigMap changes.
    """
    surges = [group.figure(figure) * group.surge for group in groups]
    running = sum((group.figure(figure) * (group.peak if peak else group.steady) for group in groups), Decimal(0))
    return running + (sum(surges, Decimal(0)) if peak else max(surges, default=Decimal(0)))


@dataclass(frozen=True, kw_only=True)
class QuotaNeed:
    """One figure of a quota and what is needed of it.

    Attributes:
        figure: The quota's figure, such as requests.cpu.
        hard: What the quota allows, as written.
        limit: The same as a number.
        steady: What is needed all the time.
        peak: What is needed when every autoscaler is at its maximum and everything rolls.
    """

    figure: str
    hard: str
    limit: Decimal
    steady: Decimal
    peak: Decimal


def needs(hard: Mapping[str, str], groups: Sequence[PodGroup], counts: Mapping[str, int]) -> Iterable[QuotaNeed]:
    """Yield every figure of a quota with what is needed of it; arguments as those of `shortfalls`."""
    for figure, allowed in hard.items():
        if figure in POD_FIGURES:
            steady, peak = (needed(groups, figure, peak=at_peak) for at_peak in (False, True))
        else:
            steady = peak = Decimal(counts.get(figure, 0))
        yield QuotaNeed(figure=figure, hard=allowed, limit=parse_quantity(allowed), steady=steady, peak=peak)


def shortfalls(hard: Mapping[str, str], groups: Sequence[PodGroup], counts: Mapping[str, int]) -> Iterable[Shortfall]:
    """Yield every figure of a quota that is too small.

    Args:
        hard: The quota's figures.
        groups: All pods of the namespace, external workloads included.
        counts: How many Services and PersistentVolumeClaims there are.
    """
    for need in needs(hard, groups, counts):
        if need.peak > need.limit:
            at_peak_only = need.steady <= need.limit
            amount = need.peak if at_peak_only else need.steady
            yield Shortfall(need.figure, need.hard, show(need.figure, amount), at_peak_only=at_peak_only)


def show(figure: str, amount: Decimal) -> str:
    """Return an amount of a figure as people write it."""
    if figure.endswith("memory"):
        return format_bytes(amount)
    return format_cores(amount) if figure.endswith("cpu") else str(int(amount))
