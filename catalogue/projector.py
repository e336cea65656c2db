"""projector: turns Fabric events into tables (production.md#workloads). One runs, in order, with a checkpoint."""

from dataclasses import replace

from catalogue.common import worker
from catalogue.workload_spec import Probe

_WORKER = worker(
    "projector",
    port=9091,
    purpose="Fabric to tables",
    readiness=Probe(path="/health", delay=30, period=10, timeout=5, failures=3, reason="as in the live manifest"),
    liveness=Probe(path="/health", delay=60, period=30, timeout=5, failures=5, reason="150 s: a replay is slow"),
    wallet_paths=("/fabric-wallet",),
)

WORKLOAD = replace(
    _WORKER,
    env={**_WORKER.env, "FABRIC_WALLET_PATH": "/fabric-wallet"},
    recreate=True,
    grace_seconds=60,  # the checkpoint is saved on the way out
)
