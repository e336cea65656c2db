"""The kinds of objects: how an API server serves one, and which are read of a live network."""

from dataclasses import dataclass
from urllib.parse import quote

NAMESPACED = (
    ("v1", "ConfigMap"),
    ("v1", "LimitRange"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Pod"),
    ("v1", "ResourceQuota"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
    ("networking.k8s.io/v1", "Ingress"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("policy/v1", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
)
"""Every kind that a hand-made namespace may hold and the program has an opinion on."""

MONITORING = (("v1", "ConfigMap"), ("monitoring.coreos.com/v1", "PrometheusRule"))
"""What the program may own in the namespace of the monitoring."""


@dataclass(frozen=True)
class Kind:
    """A kind of object as the API server serves it.

    Attributes:
        api_version: Group and version, as objects write it.
        kind: The kind.
        plural: Its name in paths.
        namespaced: Whether its objects lie in namespaces.
    """

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the path of one object, or of the kind's list in a namespace or the whole cluster."""
        root = root_of(self.api_version)
        inside = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{root}{inside}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


def root_of(api_version: str) -> str:
    """Return the path below which a version of a group is served."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
