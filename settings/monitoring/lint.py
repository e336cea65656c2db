"""What is wrong with a rule before any Prometheus sees it: the ideas of pint, offline, over our own definitions."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import promql_parser
from promql_parser import BinaryExpr, Call, MatrixSelector, VectorSelector

from common.alerts import SCRAPE_SECONDS, Alert, Group
from settings.monitoring.metrics import METRICS

_TARGET_LABELS = frozenset({"app", "kubernetes_namespace", "instance", "job"})
_COMPARISONS = frozenset({"==", "!=", ">=", "<=", ">", "<", "unless"})
_OF_COUNTERS = frozenset({"rate", "irate", "increase"})


def problems(groups: Sequence[Group]) -> Iterator[str]:
    """Yield one line for everything that is wrong with the rules of a network."""
    names = Counter(alert.name for group in groups for alert in group.alerts)
    yield from (f"{name}: the name stands {count} times" for name, count in names.items() if count > 1)
    by_name = {alert.name: alert for group in groups for alert in group.alerts}
    for group in groups:
        recorded = {name for other in groups for name in other.recordings}
        for name, expr in [*group.recordings.items(), *((alert.name, alert.query) for alert in group.alerts)]:
            yield from query_problems(name, expr, recorded)
        for alert in group.alerts:
            yield from _alert(alert, by_name)


def _alert(alert: Alert, by_name: dict[str, Alert]) -> Iterator[str]:
    if not _compares(alert.query) and alert.query != "vector(1)":
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
    try:
        nodes = _nodes(expr)
    except ValueError as error:
        yield f"{name}: is no PromQL ({error})"
        return
    for metric in sorted(metric_names(expr) - {*METRICS, *recorded}):
        yield f"{name}: nothing exports {metric}"
    for node in nodes:
        if isinstance(node, VectorSelector):
            yield from (f"{name}: {text}" for text in _unknown_labels(node))
        elif isinstance(node, Call) and node.func.name in _OF_COUNTERS and isinstance(node.args[0], MatrixSelector):
            metric = node.args[0].vector_selector.name or ""
            if metric in METRICS and METRICS[metric].kind == "gauge":
                yield f"{name}: {node.func.name}() over {metric}, which is no counter"
        elif isinstance(node, BinaryExpr) and str(node.op) == "and" and _absent(node.rhs):
            yield f"{name}: `and absent(...)` shares no labels with its other side, so it is never true"


def metric_names(expr: str) -> set[str]:
    """Return the names of the series that an expression reads."""
    return {node.name for node in _nodes(expr) if isinstance(node, VectorSelector) and node.name}


def _unknown_labels(selector: VectorSelector) -> Iterator[str]:
    series = METRICS.get(selector.name or "")
    if series is None:
        return
    matchers = [*selector.matchers.matchers, *(one for either in selector.matchers.or_matchers for one in either)]
    allowed = set(series.labels) | (_TARGET_LABELS if series.by_annotation else _TARGET_LABELS - {"app"})
    for label in sorted({matcher.name for matcher in matchers} - allowed):
        yield f"{selector.name} has no label {label}, so nothing matches"


def _compares(expr: str) -> bool:
    with suppress(ValueError):  # that it is no PromQL is said already
        return any(isinstance(node, BinaryExpr) and str(node.op) in _COMPARISONS for node in _nodes(expr))
    return True


def _absent(node: Any) -> bool:  # noqa: ANN401 the parser's nodes have no common type
    return isinstance(node, Call) and node.func.name == "absent"


def _nodes(expr: str) -> list[Any]:
    """Return every node of an expression's tree.

    Raises:
        ValueError: It is no PromQL.
    """
    found: list[Any] = []
    promql_parser.walk(promql_parser.parse(expr), found.append)
    return found
