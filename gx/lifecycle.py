"""Which objects survive a mistake, and how long each kind may take: in one place."""

from dataclasses import dataclass

_MINUTES = {
    # Longest honest wait per kind. Deployment: svc-admin's rollout allows 300 s (production.md 14), doubled for a pull.
    "Deployment": 10,
    "DaemonSet": 10,
    "StatefulSet": 10,
    "Job": 15,
    "PersistentVolumeClaim": 5,
    "Namespace": 10,
    "ResourceQuota": 2,
}
_DEFAULT_MINUTES = 5


@dataclass(frozen=True)
class Lifecycle:
    """How the engine may treat one object.

    Attributes:
        protect: The engine refuses to delete or replace it.
        retain_on_delete: Dropped from the state it stays in the cluster.
        timeout: The custom timeout of create, update and delete, as Pulumi writes it.
    """

    protect: bool
    retain_on_delete: bool
    timeout: str


def lifecycle_for(kind: str, *, production: bool, holds_data: bool = False, holds_nothing: bool = False) -> Lifecycle:
    """Return how objects of a kind are guarded.

    The backend's namespace is guarded everywhere, volumes and the StatefulSets on them in production. Passwords and DNS
    records are not: a guard there would block their own rotation and drain.

    Args:
        kind: The Kubernetes kind.
        production: Whether real users' data lives on the network.
        holds_data: Whether the object is a server on a data volume; a PersistentVolumeClaim always counts.
        holds_nothing: Whether the object is a namespace that holds nothing which could not be made anew.
    """
    volume = holds_data or kind == "PersistentVolumeClaim"
    guarded = (kind == "Namespace" and not holds_nothing) or (production and volume)
    minutes = _MINUTES.get(kind, _DEFAULT_MINUTES)
    return Lifecycle(protect=guarded, retain_on_delete=guarded, timeout=f"{minutes}m")
