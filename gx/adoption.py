"""Import ids of a live network: `networks/<network>/adoption.yaml` (takeover.md 1 to 4)."""

from typing import Annotated

from pydantic import Field

from gx.naming import MINIO, MINIO_CREDENTIALS, WALLET_AUTH
from gx.settings.fields import Model, Uid

_MINIO_ROOT = ("minioRootUser", "minioRootPassword")
_WALLET = ("nextauthSecret",)
LIVE_SECRETS = {
    f"Secret/{MINIO_CREDENTIALS}": _MINIO_ROOT,
    f"StatefulSet/{MINIO}": _MINIO_ROOT,
    f"Deployment/{MINIO}": _MINIO_ROOT,
    f"Secret/{WALLET_AUTH}": _WALLET,
    "Deployment/gx-wallet-frontend": _WALLET,  # its secret is a literal in the live container: moved, not regenerated
}
"""Objects that a generated value would break, with the encrypted settings that carry the live one."""

Key = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]+/[a-z0-9][a-z0-9.-]*$")]


class Adoption(Model):
    """What the live objects are called.

    Attributes:
        cluster_uid: The cluster from which the ids were read.
        imports: Id by "Kind/name"; of a namespaced object "namespace/name", of a DNS record "zone id/record id".
        accepted: Losses and refusals of `gx adopt` that a person has accepted, by name.
    """

    cluster_uid: Uid
    imports: dict[Key, str]
    accepted: tuple[str, ...] = ()
