"""Who was scraped, by the labels that Prometheus has: production's scrape job sets others than an operator."""

from dataclasses import dataclass

from common.naming import EDGE_PROXY
from settings.settings import Settings


@dataclass(frozen=True)
class TargetLabels:
    """The labels of what is scraped in a network.

    Attributes:
        app: The label that names an application.
        namespace: The label that names its namespace.
        prefix: What may stand before the application's name, as a regular expression.
    """

    app: str
    namespace: str
    prefix: str = ""

    def of(self, app: str, namespace: str) -> str:
        """Return the matchers of an application."""
        value = f'=~"{self.prefix}{app}"' if self.prefix else f'="{app}"'
        return f'{self.app}{value},{self.namespace}="{namespace}"'


LABELS = {
    "config-map": TargetLabels("app", "kubernetes_namespace"),  # production.md#monitoring
    # A ServiceMonitor's job is the Service, a PodMonitor's "namespace/name of the monitor".
    "prometheus-rule": TargetLabels("job", "namespace", "(.+/)?"),
}
"""By the way in which rules are delivered: the operator's monitors know neither `app` nor `kubernetes_namespace`."""


def labels(settings: Settings) -> TargetLabels:
    """Return the labels that a network's targets have."""
    return LABELS[settings.stack.monitoring.delivery]


def by(settings: Settings, *more: str) -> str:
    """Return the grouping by namespace, and by other labels before it."""
    return f"by ({', '.join([*more, labels(settings).namespace])})"


def scraped(settings: Settings, app: str) -> str:
    """Return the matchers of what Prometheus scrapes from an application of the network."""
    return labels(settings).of(app, settings.network.namespace)


def location(settings: Settings) -> str:
    """Return the matcher of everything that is scraped in the network's namespace."""
    return f'{labels(settings).namespace}="{settings.network.namespace}"'


def edge_match(settings: Settings) -> str:
    """Return the matchers of the proxy on the nodes' public ports."""
    return labels(settings).of(EDGE_PROXY, settings.network.edge_namespace)


def answering(settings: Settings, match: str) -> str:
    """Return how many targets of an application answer."""
    return f"sum {by(settings, labels(settings).app)} (up{{{match}}})"


def down(settings: Settings, match: str) -> str:
    """Return an expression that is true when no target answers, or none is known."""
    return f"({answering(settings, match)} == 0) or absent(up{{{match}}})"
