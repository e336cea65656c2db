"""What an alert is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique

SCRAPE_SECONDS = 15
"""How often Prometheus asks its targets (production.md#monitoring)."""

THRESHOLD = "{threshold}"

RUNBOOKS = "docs/runbooks/alerts"


@unique
class AlertSeverity(StrEnum):
    """How urgent an alert is: critical pages the engineer on call, warning is work for the day, info is read later."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """The number that an alert compares with.

    Attributes:
        value: The number.
        unit: What it counts, for a message.
        low: The smallest that makes sense.
        high: The largest that makes sense.
        below: Whether the alert is true below it instead of above.
    """

    value: float
    unit: str
    low: float
    high: float
    below: bool = False

    def text(self) -> str:
        """Return the number as PromQL writes it."""
        return f"{self.value:.15g}"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert of one network.

    Attributes:
        name: Its name; the sixteen of production keep theirs.
        expr: PromQL that is true while something is wrong, with `{threshold}` where the number stands.
        seconds: How long it must be true before it speaks.
        severity: How urgent it is.
        summary: One line without numbers.
        description: What it means for users, and where to look first.
        threshold: The number, where there is one.
        keep_seconds: How long it goes on after the expression ends, for what flaps.
        warns_before: The critical alert of the same signal, of which this one is the warning.
        needs_metric: A metric that no known exporter of the platform has yet: the alert is silent until one does.
    """

    name: str
    expr: str
    seconds: int
    severity: AlertSeverity
    summary: str
    description: str
    threshold: Threshold | None = None
    keep_seconds: int = 0
    warns_before: str = ""
    needs_metric: str = ""

    @property
    def query(self) -> str:
        """The expression with its number."""
        return self.expr.replace(THRESHOLD, self.threshold.text()) if self.threshold else self.expr

    @property
    def runbook(self) -> str:
        """The page that says what to do."""
        return f"{RUNBOOKS}/{self.name}.md"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Alerts that are evaluated together, and the ratios that they share.

    Attributes:
        name: Unique in a Prometheus: a second group of a name would be merged in its pages.
        interval: Seconds between evaluations.
        service: Value of the label by which Alertmanager routes.
        alerts: The alerts.
        recordings: Expression by name of the series that it is recorded as.
    """

    name: str
    interval: int
    service: str
    alerts: tuple[Alert, ...]
    recordings: Mapping[str, str]


def duration(seconds: int) -> str:
    """Return seconds as Prometheus writes a duration."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
