"""What a network says differently about its alerts."""

from typing import Literal

from pydantic import Field

from common.alerts import AlertSeverity
from settings.fields import Model


class AlertSettings(Model):
    """What one network says differently about one alert."""

    threshold: float | None = None
    seconds: int | None = Field(default=None, alias="for", description="Seconds that it must be true.")
    severity: AlertSeverity | None = None


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
