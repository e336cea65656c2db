"""outbox-submitter: sends queued commands to Fabric (production.md#workloads). Several may run: rows are locked."""

from catalogue.common import worker
from catalogue.workload_spec import Probe

WORKLOAD = worker(
    "outbox-submitter",
    port=9090,
    purpose="commands to Fabric",
    readiness=Probe(path="/health", delay=10, period=10, timeout=5, failures=2, reason="as in the live manifest"),
    liveness=Probe(path="/health", delay=30, period=30, timeout=5, failures=3, reason="90 s: a submit may block"),
    wallet_paths=("/app/fabric-wallet", "/fabric-wallet"),  # the sources name both
)
