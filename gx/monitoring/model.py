"""What an alert is, and the settings that may change one on a network."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Literal

from pydantic import Field

from gx.settings.fields import Model

SCRAPE_SECONDS = 15
"""How often Prometheus asks its targets (production.md 12)."""
THRESHOLD = "{threshold}"
RUNBOOKS = "docs/runbooks/alerts"


@unique
class Severity(StrEnum):
    """What a person does: critical wakes somebody, warning is work for the day, info is read later."""

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
        severity: What a person does.
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
    severity: Severity
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


class AlertSettings(Model):
    """What one network says differently about one alert."""

    threshold: float | None = None
    seconds: int | None = Field(default=None, alias="for", description="Seconds that it must be true.")
    severity: Severity | None = None


class Monitoring(Model):
    """How alerts reach Prometheus, and what this network says differently about them."""

    delivery: Literal["config-map", "prometheus-rule"] = Field(
        default="config-map", description="A file for a plain Prometheus, or an object for the operator."
    )
    rule_labels: dict[str, str] = Field(
        default={"release": "prometheus"}, description="Labels that the operator's ruleSelector asks for."
    )
    sockets_metric: str = Field(
        default="socket_io_connected_sockets", description="Open sockets, once svc-messaging exports them."
    )
    redis_metric: str = Field(
        default="messaging_redis_connected", description="1 while svc-messaging has Redis, once it says so."
    )
    alerts: dict[str, AlertSettings] = Field(default_factory=dict[str, AlertSettings])


def changed(alerts: Iterable[Alert], settings: Mapping[str, AlertSettings]) -> tuple[Alert, ...]:
    """Return alerts as a network wants them."""
    return tuple(_changed(alert, settings.get(alert.name)) for alert in alerts)


def _changed(alert: Alert, wanted: AlertSettings | None) -> Alert:
    if wanted is None:
        return alert
    if wanted.threshold is not None and alert.threshold is not None:
        alert = replace(alert, threshold=replace(alert.threshold, value=wanted.threshold))
    if wanted.seconds is not None:
        alert = replace(alert, seconds=wanted.seconds)
    return replace(alert, severity=wanted.severity) if wanted.severity is not None else alert


def duration(seconds: int) -> str:
    """Return seconds as Prometheus writes a duration."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def metric_names(expr: str) -> set[str]:
    """Return the names of the series that an expression reads."""
    without_labels = re.sub(
        r'"[^"]*"|\{[^}]*\}|\b(?:by|without|on|ignoring|group_left|group_right) ?\([^)]*\)', " ", expr
    )
    words = re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\()\b", re.sub(r"\[[^\]]*\]", " ", without_labels))
    return {word for word in words if word not in _KEYWORDS and not re.search(rf"\b{word}\s*\(", without_labels)}


_MODIFIERS = "by|without|on|ignoring|group_left|group_right"
_KEYWORDS = {"and", "or", "unless", "bool", "offset", "inf", "Inf", "NaN"}
