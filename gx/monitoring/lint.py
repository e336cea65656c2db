"""What is wrong with a rule before any Prometheus sees it: the ideas of pint, offline, over our own definitions."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from gx.monitoring.metrics import METRICS
from gx.monitoring.model import SCRAPE_SECONDS, Alert, Group, metric_names

_TARGET_LABELS = frozenset({"app", "kubernetes_namespace", "instance", "job"})
_COMPARISON = re.compile(r"(==|!=|>=|<=|>|<)")
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}")
_RANGE = re.compile(r"(rate|irate|increase)\(([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{[^}]*\})?\[(\w+)\]")


def problems(groups: Sequence[Group]) -> Iterator[str]:
    """Yield one line for everything that is wrong with the rules of a network."""
    names = Counter(alert.name for group in groups for alert in group.alerts)
    yield from (f"{name}: the name stands {count} times" for name, count in names.items() if count > 1)
    by_name = {alert.name: alert for group in groups for alert in group.alerts}
    for group in groups:
        recorded = {name for other in groups for name in other.recordings}
        for name, expr in group.recordings.items():
            yield from query_problems(name, expr, recorded)
        for alert in group.alerts:
            yield from _alert(alert, by_name)
            yield from query_problems(alert.name, alert.query, recorded)


def _alert(alert: Alert, by_name: dict[str, Alert]) -> Iterator[str]:
    judged = re.sub(r"\{[^}]*\}", "", alert.query)
    if not _COMPARISON.search(judged) and "unless" not in judged and judged != "vector(1)":
        yield f"{alert.name}: compares nothing, so any sample would raise it"
    if 0 < alert.seconds < 2 * SCRAPE_SECONDS:
        yield f"{alert.name}: speaks after {alert.seconds} s, less than two scrapes"
    limit = alert.threshold
    if limit is not None and not limit.low <= limit.value <= limit.high:
        yield f"{alert.name}: {limit.text()} {limit.unit} lies outside {limit.low:g} to {limit.high:g}"
    worse = by_name.get(alert.warns_before) if alert.warns_before else None
    if alert.warns_before and worse is None:
        yield f"{alert.name}: there is no {alert.warns_before} that it could warn before"
    if worse is not None and limit is not None and worse.threshold is not None:
        beyond = limit.value <= worse.threshold.value if limit.below else limit.value >= worse.threshold.value
        if beyond:
            yield f"{alert.name}: warns at {limit.text()}, not before {worse.name} at {worse.threshold.text()}"


def query_problems(name: str, expr: str, recorded: set[str]) -> Iterator[str]:
    """Yield one line for everything that is wrong with one expression, of an alert or of a panel.

    Args:
        name: What the expression belongs to.
        expr: The expression.
        recorded: Names of series that our own rules record.
    """
    for metric in sorted(metric_names(expr) - {*METRICS, *recorded}):
        yield f"{name}: nothing exports {metric}"
    for metric, matchers in _SELECTOR.findall(expr):
        series = METRICS.get(metric)
        if series is None:
            continue
        used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        allowed = set(series.labels) | (_TARGET_LABELS if series.by_annotation else _TARGET_LABELS - {"app"})
        for label in sorted(used - allowed):
            yield f"{name}: {metric} has no label {label}, so nothing matches"
    for function, metric, _window in _RANGE.findall(expr):
        if metric in METRICS and METRICS[metric].kind == "gauge":
            yield f"{name}: {function}() over {metric}, which is no counter"
    for part in re.findall(r"\band\s+absent\(", expr):
        yield f"{name}: `{part.strip()}...)` shares no labels with its other side, so it is never true"
