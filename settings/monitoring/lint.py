"""What is wrong with a rule before any Prometheus sees it: the ideas of pint, offline, over our own definitions."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import promql_parser
from promql_parser import AggregateExpr, BinaryExpr, Call, MatrixSelector, VectorSelector

from common.alerts import SCRAPE_SECONDS, Alert, Group
from settings.monitoring.metrics import METRICS
from settings.monitoring.targets import TargetLabels

_ALWAYS = frozenset({"instance", "job"})
_KEPT_STATES = frozenset({"kube_job_failed", "kube_job_status_failed"})
"""What stays as long as its object is kept: only something newer ends it."""
_COMPARISONS = frozenset({"==", "!=", ">=", "<=", ">", "<", "unless"})
_COUNTS = frozenset({"count", "sum"})
_EQUAL = frozenset({"MatchOp.Equal", "MatchOp.Re"})
_OF_COUNTERS = frozenset({"rate", "irate", "increase"})


def problems(groups: Sequence[Group], targets: TargetLabels) -> Iterator[str]:
    """Yield one line for everything that is wrong with the rules of a network whose targets have these labels."""
    names = Counter(alert.name for group in groups for alert in group.alerts)
    yield from (f"{name}: the name stands {count} times" for name, count in names.items() if count > 1)
    by_name = {alert.name: alert for group in groups for alert in group.alerts}
    for group in groups:
        recorded = {name for other in groups for name in other.recordings}
        for name, expr in [*group.recordings.items(), *((alert.name, alert.query) for alert in group.alerts)]:
            yield from query_problems(name, expr, recorded, targets)
        for alert in group.alerts:
            yield from _alert(alert, by_name)


def _alert(alert: Alert, by_name: dict[str, Alert]) -> Iterator[str]:
    if not _compares(alert.query) and alert.query != "vector(1)":
        yield f"{alert.name}: compares nothing, so any sample would raise it"
    if 0 < alert.seconds < 2 * SCRAPE_SECONDS:
        yield f"{alert.name}: speaks after {alert.seconds} s, less than two scrapes"
    yield from (f"{alert.name}: {text}" for text in _silent_or_endless(alert.query))
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


def _silent_or_endless(expr: str) -> Iterator[str]:
    """Yield why an alert could not speak, or not stop, although its expression is right at first."""
    try:
        nodes = _nodes(expr)
    except ValueError:
        return  # said already
    counted = {str(node.expr) for node in nodes if isinstance(node, AggregateExpr) and str(node.op) in _COUNTS}
    for node in nodes:
        if _absent(node) and str(node.args[0]) not in counted:
            yield "absent() is silent while one of several is left: compare with how many there must be"
        if isinstance(node, BinaryExpr) and str(node.op) == "-" and _now(node.lhs) and not _has_beginning(node.rhs):
            yield "an age without a beginning: what never happened is never old"
    names = metric_names(expr)
    if names & _KEPT_STATES and "kube_cronjob_status_last_successful_time" not in names:
        yield "a state that nobody resets: it lasts as long as the failed Job is kept"


def _now(node: Any) -> bool:  # noqa: ANN401 as above
    return isinstance(node, Call) and node.func.name == "time"


def _has_beginning(node: Any) -> bool:  # noqa: ANN401 as above
    found: list[Any] = []
    promql_parser.walk(node, found.append)
    return any(isinstance(one, BinaryExpr) and str(one.op) == "or" for one in found)


def query_problems(name: str, expr: str, recorded: set[str], targets: TargetLabels) -> Iterator[str]:
    """Yield one line for everything that is wrong with one expression, of an alert or of a panel.

    Args:
        name: What the expression belongs to.
        expr: The expression.
        recorded: Names of series that our own rules record.
        targets: The labels of what is scraped.
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
            yield from (f"{name}: {text}" for text in _labels(node, targets))
        elif isinstance(node, Call) and node.func.name in _OF_COUNTERS and isinstance(node.args[0], MatrixSelector):
            metric = node.args[0].vector_selector.name or ""
            if metric in METRICS and METRICS[metric].kind == "gauge":
                yield f"{name}: {node.func.name}() over {metric}, which is no counter"
        elif isinstance(node, BinaryExpr) and str(node.op) == "and" and _absent(node.rhs):
            yield f"{name}: `and absent(...)` shares no labels with its other side, so it is never true"


def metric_names(expr: str) -> set[str]:
    """Return the names of the series that an expression reads."""
    return {node.name for node in _nodes(expr) if isinstance(node, VectorSelector) and node.name}


def _labels(selector: VectorSelector, targets: TargetLabels) -> Iterator[str]:
    matchers = [*selector.matchers.matchers, *(one for either in selector.matchers.or_matchers for one in either)]
    for matcher in matchers:
        if not matcher.value and str(matcher.op) in _EQUAL:
            yield f"{selector.name} with an empty {matcher.name}: nothing matches"
    series = METRICS.get(selector.name or "")
    if series is None:
        return
    of_app = {targets.app} if series.by_annotation else set[str]()
    allowed = set(series.labels) | _ALWAYS | {targets.namespace} | of_app
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
