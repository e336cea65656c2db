"""MonitoringRules: a network's alert rules and dashboards."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s
import yaml
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from common.labels import PartOf
from components.base import GxComponent, metadata

RULES_KEY = "messaging-alerts.yml"
DASHBOARD_LABEL = {"grafana_dashboard": "1"}
"""By it Grafana's sidecar finds a dashboard (field standard of its chart)."""
FOLDER_ANNOTATION = "grafana_folder"


class MonitoringRulesArgs(TypedDict):
    """What Prometheus and Grafana are given."""

    namespace: pulumi.Input[str]
    """The namespace of Prometheus, which may serve several networks."""
    name: str
    """Name of the object of the rules; it carries the network's."""
    rules: Mapping[str, Any]
    """The rule file, as Prometheus reads it."""
    operator_labels: NotRequired[Mapping[str, str]]
    """Labels by which Prometheus' operator selects rules; where absent, a plain Prometheus mounts a ConfigMap."""
    dashboards: Mapping[str, str]
    """JSON of each dashboard by its uid."""
    folder: str
    """Folder of the dashboards in Grafana."""


class MonitoringRules(GxComponent):
    """A network's alert rules and dashboards in the shared monitoring namespace.

    Token: gx:monitoring:MonitoringRules. A ConfigMap for a plain Prometheus, or a PrometheusRule for the operator; both
    hold the same rules. Prometheus is foreign and reads only what it mounts: mounting this ConfigMap and removing the
    old group is one ordered step of its owner (takeover.md 20). One ConfigMap per dashboard, with the label that
    Grafana's sidecar looks for.
    """

    TOKEN = "gx:monitoring:MonitoringRules"
    rules_name: pulumi.Output[str]
    """Name of the object of the rules."""

    def __init__(self, name: str, args: MonitoringRulesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._namespace = args["namespace"]
        if "operator_labels" in args:
            self._prometheus_rule(args["name"], args["rules"], args["operator_labels"])
        else:
            self._config_map(args["name"], args["rules"])
        for uid, text in args["dashboards"].items():
            self._dashboard(uid, text, args["folder"])
        self.rules_name = pulumi.Output.from_input(args["name"])
        self.register_outputs({"rules": args["name"]})

    def _metadata(
        self, name: str, labels: Mapping[str, str], annotations: Mapping[str, str] | None = None
    ) -> ObjectMetaArgsDict:
        return metadata(name, PartOf.MONITORING, namespace=self._namespace, labels=labels, annotations=annotations)

    def _config_map(self, name: str, rules: Mapping[str, Any]) -> None:
        k8s.core.v1.ConfigMap(
            name,
            metadata=self._metadata(name, {"app": "prometheus", "component": "alerts"}),
            data={RULES_KEY: yaml.safe_dump(dict(rules), sort_keys=False, width=1000)},
            opts=self.child(),
        )

    def _prometheus_rule(self, name: str, rules: Mapping[str, Any], labels: Mapping[str, str]) -> None:
        k8s.apiextensions.CustomResource(
            name,
            api_version="monitoring.coreos.com/v1",
            kind="PrometheusRule",
            metadata=self._metadata(name, labels),
            spec=dict(rules),
            opts=self.child(),
        )

    def _dashboard(self, uid: str, text: str, folder: str) -> None:
        name = f"grafana-dashboard-{uid}"
        k8s.core.v1.ConfigMap(
            name,
            metadata=self._metadata(name, DASHBOARD_LABEL, {FOLDER_ANNOTATION: folder}),
            data={f"{uid}.json": text},
            opts=self.child(),
        )
