"""What lives around the program and is not ours: objects that must exist, pods that share the namespace, their flows.

Postgres, Redis, ClamAV and their backups were installed by others. They are data here, so that references resolve,
quota leaves room for them and default deny never cuts a flow between them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from common.cluster import INGRESS, MONITORING, OUTSIDE, UNLISTED
from common.naming import (
    POSTGRES_PORT,
    REDIS_PORT,
)


@dataclass(frozen=True, kw_only=True)
class ExternalWorkload:
    """A group of pods in the network's namespace that the program does not own.

    Attributes:
        labels: What its pods are selected by; empty where the sources do not say.
        ports: Ports its pods listen on.
    """

    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    ports: tuple[int, ...] = ()


EXTERNAL_WORKLOADS: dict[str, ExternalWorkload] = {
    "postgres": ExternalWorkload(labels={"app": "postgres"}, ports=(POSTGRES_PORT,)),
    "redis": ExternalWorkload(labels={"app": "redis"}, ports=(REDIS_PORT,)),
    "redis-sentinel": ExternalWorkload(labels={"app": "redis-sentinel"}, ports=(26379,)),
    "clamav": ExternalWorkload(labels={"app": "clamav"}, ports=(3310,)),
    "postgres-backup": ExternalWorkload(),
    "redis-backup": ExternalWorkload(),
    "gx-admin-frontend": ExternalWorkload(labels={"app": "gx-admin-frontend"}, ports=(3000,)),
}


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A connection that an external workload needs and that default deny must not cut.

    Attributes:
        source: An external workload, UNLISTED, MONITORING (any pod of that namespace) or INGRESS (the controller).
        target: An external workload, a workload of ours, UNLISTED or OUTSIDE (the internet, no private address).
        reason: Why it must get through.
        ports: Ports of an OUTSIDE target; everywhere else the target's own.
    """

    source: str
    target: str
    reason: str
    ports: tuple[int, ...] = ()


FLOWS = (
    Flow(source="postgres", target="postgres", reason="replication"),
    Flow(source="redis", target="redis", reason="replication"),
    Flow(source="redis-sentinel", target="redis", reason="watches the master"),
    Flow(source="redis-sentinel", target="redis-sentinel", reason="agrees on a new master"),
    Flow(source="redis", target="redis-sentinel", reason="a restarted pod asks who is master"),
    Flow(source="clamav", target=OUTSIDE, reason="virus definitions", ports=(443, 80)),
    Flow(source=MONITORING, target="postgres", reason="exporter"),
    Flow(source=MONITORING, target="redis", reason="exporter"),
    Flow(source=INGRESS, target="gx-admin-frontend", reason="it is public"),
    Flow(source="gx-admin-frontend", target="svc-admin", reason="it calls the administrators' API"),
    Flow(source=UNLISTED, target="postgres", reason="postgres-backup, whose labels are not known"),
    Flow(source=UNLISTED, target="redis", reason="redis-backup, whose labels are not known"),
    Flow(source=UNLISTED, target=UNLISTED, reason="whatever else runs here goes on as before"),
    Flow(source=UNLISTED, target=OUTSIDE, reason="as before", ports=(443, 80)),
)
"""Every flow of the external workloads, once (takeover.md 23)."""
