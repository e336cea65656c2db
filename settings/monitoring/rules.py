"""The rules of one network, as a plain Prometheus and as the operator read them."""

from collections.abc import Sequence
from typing import Any

from common.alerts import Alert, Group, duration
from common.panels import Board, number_of, panel_of
from settings.monitoring.boards import boards
from settings.monitoring.changes import changed
from settings.monitoring.messaging import budget_group, messaging_group
from settings.monitoring.platform import platform_group
from settings.monitoring.storage import minio_group
from settings.settings import Settings


def groups(settings: Settings) -> tuple[Group, ...]:
    """Return the groups of a network with what its settings change."""
    wanted = settings.stack.monitoring.alerts
    return tuple(
        Group(
            name=group.name,
            interval=group.interval,
            service=group.service,
            alerts=changed(group.alerts, wanted),
            recordings=group.recordings,
        )
        for group in (
            messaging_group(settings),
            budget_group(settings),
            minio_group(settings),
            platform_group(settings),
        )
    )


def alerts(settings: Settings) -> list[Alert]:
    """Return every alert of a network."""
    return [alert for group in groups(settings) for alert in group.alerts]


def threshold(settings: Settings, name: str) -> float:
    """Return the number that an alert of a network compares with."""
    limit = next(alert.threshold for alert in alerts(settings) if alert.name == name)
    assert limit is not None, name
    return limit.value


def rule_file(settings: Settings) -> dict[str, Any]:
    """Return the rule file of a network, as Prometheus reads it; the operator's object has the same content."""
    shown = boards(settings)
    return {
        "groups": [
            {
                "name": group.name,
                "interval": duration(group.interval),
                "rules": [
                    *({"record": name, "expr": expr} for name, expr in group.recordings.items()),
                    *(_rule(alert, group, settings.network.name, shown) for alert in group.alerts),
                ],
            }
            for group in groups(settings)
        ]
    }


def _signal(alert: Alert, group: Group) -> str:
    """Return what a warning and its critical alert have in common: the name of the critical one."""
    if alert.warns_before:
        return alert.warns_before
    return alert.name if any(other.warns_before == alert.name for other in group.alerts) else ""


def _rule(alert: Alert, group: Group, network: str, shown: Sequence[Board]) -> dict[str, Any]:
    annotations = {"summary": f"{network}: {alert.summary}", "description": alert.description, "runbook": alert.runbook}
    if (found := panel_of(shown, alert)) is not None:
        board, panel = found
        annotations["dashboard"] = f"/d/{board.uid(network)}?viewPanel={number_of(board, panel)}"
    if alert.threshold is not None:
        annotations["value"] = f"{{{{ $value | humanize }}}} {alert.threshold.unit}"
    if alert.needs_metric:
        annotations["note"] = f"silent until something exports {alert.needs_metric}"
    labels = {"severity": alert.severity.value, "service": group.service, "network": network}
    if signal := _signal(alert, group):
        labels["signal"] = signal  # by it Alertmanager silences the warning of a critical alert
    rule = {"alert": alert.name, "expr": alert.query, "labels": labels, "annotations": annotations}
    if alert.seconds:
        rule["for"] = duration(alert.seconds)
    if alert.keep_seconds:
        rule["keep_firing_for"] = duration(alert.keep_seconds)
    return rule
