"""What a network says differently about its alerts, applied to them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from common.alerts import Alert
from settings.monitoring_settings import AlertSettings


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
