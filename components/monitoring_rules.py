"""MonitoringRules: the network's alert rules and dashboards."""

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s
import yaml
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.base import GxArgs, GxComponent
from gx.labels import PartOf
from gx.monitoring.grafana import dashboards
from gx.monitoring.rules import rule_file
from gx.naming import MONITORING_NAMESPACE

RULES_KEY = "messaging-alerts.yml"
DASHBOARD_LABEL = {"grafana_dashboard": "1"}
"""By it Grafana's sidecar finds a dashboard (field standard of its chart)."""
FOLDER_ANNOTATION = "grafana_folder"


@dataclass(frozen=True, kw_only=True)
class MonitoringRulesArgs(GxArgs):
    """What every component needs is all that it takes."""


class MonitoringRules(GxComponent):
    """The network's alert rules and dashboards in the shared monitoring namespace; their names carry the network's.

    Token: gx:monitoring:MonitoringRules. A ConfigMap for a plain Prometheus, or a PrometheusRule for the operator, by
    the setting `monitoring.delivery`; both hold the same rules. Prometheus is foreign and reads only what it mounts:
    mounting this ConfigMap and removing the old group is one ordered step of its owner (takeover.md 20). One ConfigMap
    per dashboard, with the label that Grafana's sidecar looks for.
    """

    TOKEN: ClassVar[str] = "gx:monitoring:MonitoringRules"

    def __init__(self, name: str, args: MonitoringRulesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        settings = args.site.settings
        if settings.stack.monitoring.delivery == "prometheus-rule":
            self._prometheus_rule()
        else:
            self._config_map()
        for uid, text in dashboards(settings).items():
            self._dashboard(uid, text)
        self.register_outputs({"rules": settings.network.alerts_config_map})

    def _metadata(
        self, name: str, labels: dict[str, str], annotations: dict[str, str] | None = None
    ) -> ObjectMetaArgsDict:
        return self.site.metadata(
            name,
            PartOf.MONITORING,
            labels=labels,
            annotations=annotations,
            namespace=self.site.namespace.apply(lambda _: MONITORING_NAMESPACE),  # waits for the check of the cluster
        )

    def _config_map(self) -> None:
        name = self.site.settings.network.alerts_config_map
        k8s.core.v1.ConfigMap(
            name,
            metadata=self._metadata(name, {"app": "prometheus", "component": "alerts"}),
            data={RULES_KEY: yaml.safe_dump(rule_file(self.site.settings), sort_keys=False, width=1000)},
            opts=self.child("ConfigMap", name),
        )

    def _prometheus_rule(self) -> None:
        settings = self.site.settings
        name = settings.network.alerts_config_map
        k8s.apiextensions.CustomResource(
            name,
            api_version="monitoring.coreos.com/v1",
            kind="PrometheusRule",
            metadata=self._metadata(name, dict(settings.stack.monitoring.rule_labels)),
            spec=rule_file(settings),
            opts=self.child("PrometheusRule", name),
        )

    def _dashboard(self, uid: str, text: str) -> None:
        name = f"grafana-dashboard-{uid}"
        folder = {FOLDER_ANNOTATION: f"GX Coin {self.site.settings.network.name}"}
        k8s.core.v1.ConfigMap(
            name,
            metadata=self._metadata(name, DASHBOARD_LABEL, folder),
            data={f"{uid}.json": text},
            opts=self.child("ConfigMap", name),
        )
