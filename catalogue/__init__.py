"""The eleven workloads as data, one file each; everything that names a port or a path is derived from here."""

from catalogue import (
    gx_wallet_frontend,
    outbox_submitter,
    projector,
    svc_admin,
    svc_governance,
    svc_identity,
    svc_loanpool,
    svc_messaging,
    svc_organization,
    svc_tax,
    svc_tokenomics,
)
from catalogue.workload_spec import WorkloadSpec

CATALOGUE: dict[str, WorkloadSpec] = {
    module.WORKLOAD.name: module.WORKLOAD
    for module in (
        gx_wallet_frontend,
        svc_identity,
        svc_messaging,
        svc_admin,
        svc_governance,
        svc_loanpool,
        svc_organization,
        svc_tax,
        svc_tokenomics,
        projector,
        outbox_submitter,
    )
}
MESSAGING = CATALOGUE["svc-messaging"]
EVERYWHERE = ("gx-wallet-frontend", "svc-identity", MESSAGING.name)
"""What no network can be without: hosts, routes, storage, checks are made for them. Every other one may be absent."""
