"""MonitoringRules: the network's alert rules."""

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s
import yaml

from components.base import GxArgs, GxComponent
from gx.alerts import rule_file
from gx.labels import PartOf
from gx.naming import MONITORING_NAMESPACE

RULES_KEY = "messaging-alerts.yml"


@dataclass(frozen=True, kw_only=True)
class MonitoringRulesArgs(GxArgs):
    """What every component needs is all that it takes."""


class MonitoringRules(GxComponent):
    """The ConfigMap of alert rules in the shared monitoring namespace, under a name that carries the network's.

    Token: gx:monitoring:MonitoringRules. Prometheus is foreign and reads only what it mounts: mounting this
    ConfigMap and removing the old group is one ordered step of its owner (takeover.md 20).
    """

    TOKEN: ClassVar[str] = "gx:monitoring:MonitoringRules"

    def __init__(self, name: str, args: MonitoringRulesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        site = args.site
        network = site.settings.network
        rules = yaml.safe_dump(rule_file(network), sort_keys=False, width=1000)
        k8s.core.v1.ConfigMap(
            network.alerts_config_map,
            metadata=site.metadata(
                network.alerts_config_map,
                PartOf.MONITORING,
                labels={"app": "prometheus", "component": "alerts"},
                namespace=site.namespace.apply(lambda _: MONITORING_NAMESPACE),  # waits for the check of the cluster
            ),
            data={RULES_KEY: rules},
            opts=self.child("ConfigMap", network.alerts_config_map),
        )
        self.register_outputs({"configMap": network.alerts_config_map})
