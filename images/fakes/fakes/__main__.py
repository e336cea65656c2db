"""Runs one workload: the image says which, the manifests say the rest."""

import os

import uvicorn

from fakes import api, identity, messaging, wallet, worker
from fakes.service import Service, application

PARTS = {
    "gx-wallet-frontend": wallet.build,
    "svc-identity": identity.build,
    "svc-messaging": messaging.build,
    "projector": worker.projector,
    "outbox-submitter": worker.outbox_submitter,
}
"""Workloads with something of their own; the others answer their paths and nothing more."""


def main() -> None:
    """Serve until SIGTERM: WebSockets are closed then, so that they move to another replica."""
    service = Service(name=os.environ["WORKLOAD"], port=int(os.environ["WORKLOAD_PORT"]))
    app = application(service, PARTS.get(service.name, api.build))
    uvicorn.run(
        app,
        host="0.0.0.0",  # noqa: S104 a pod's own address
        port=service.port,
        log_level="info",
        access_log=False,
        timeout_graceful_shutdown=20,
    )


if __name__ == "__main__":
    main()
