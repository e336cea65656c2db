"""Alert rules and dashboards."""

from components.monitoring_rules.component import MonitoringRules, MonitoringRulesArgs
from components.monitoring_rules.grafana import dashboards

__all__ = ["MonitoringRules", "MonitoringRulesArgs", "dashboards"]
