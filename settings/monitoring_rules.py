"""Rules between settings of monitoring: an alert that can never speak, or always does, is a mistake in the settings."""

from collections.abc import Iterator

from common.errors import InputError
from settings.monitoring.lint import problems
from settings.monitoring.metrics import METRICS
from settings.monitoring.rules import groups
from settings.monitoring.targets import labels
from settings.rule import Case, Rule, problem_of


def _names(case: Case) -> Iterator[InputError]:
    monitoring = case.settings.stack.monitoring
    by_name = {alert.name: alert for group in groups(case.settings) for alert in group.alerts}
    for name, wanted in monitoring.alerts.items():
        key = f"monitoring.alerts.{name}"
        if name not in by_name:
            yield problem_of(case.settings, key, name, "there is no such alert", f"use one of {', '.join(by_name)}")
        elif wanted.threshold is not None and by_name[name].threshold is None:
            text = "this alert compares with nothing that could be set"
            yield problem_of(case.settings, f"{key}.threshold", wanted.threshold, text, "remove it")
    for field, name in (("socketsMetric", monitoring.sockets_metric), ("redisMetric", monitoring.redis_metric)):
        if name not in METRICS:
            fix = "correct its spelling, or add it to settings/monitoring/metrics.py with its exporter"
            yield problem_of(case.settings, f"monitoring.{field}", name, "nothing exports a series of that name", fix)


def _alerts(case: Case) -> Iterator[InputError]:
    for line in problems(groups(case.settings), labels(case.settings)):
        name, _, text = line.partition(": ")
        yield problem_of(
            case.settings, f"monitoring.alerts.{name}", None, text, "correct it, or remove it for the usual value"
        )


MONITORING_RULES: tuple[Rule, ...] = (_names, _alerts)
