"""Feature gates: what an adopted network changes later, on purpose, one at a time (takeover.md 1).

A network that was made by hand starts with none of them; a network on an empty cluster starts with all of them.
"""

from enum import StrEnum, unique
from typing import Self


@unique
class FeatureGate(StrEnum):
    """A change that is better than what runs today, off until the stack file lists it."""

    text: str
    """What it changes, and what must come first."""
    risk: str
    """What a network lives with until then; empty where that is a matter of taste."""

    def __new__(cls, value: str, text: str, risk: str = "") -> Self:
        """Return the member of a name, with what it does."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.text, member.risk = text, risk
        return member

    NAMED_TARGET_PORTS = (
        "named-target-ports",
        "Services reach the container port by name; pods without the name would leave the endpoints at once.",
    )
    TIER_API_LABELS = (
        "tier-api-labels",
        "The seven API services carry tier=api; the scrape job gx-backend-services and its 18 rules must move first.",
    )
    MESSAGING_S3_USER = (
        "messaging-s3-user",
        "svc-messaging reads its own least-privilege S3 user instead of the pair in minio-credentials.",
        "svc-messaging has MinIO's root pair, which the policy that forbids to delete versions does not bind",
    )
    MINIO_METRICS_TOKEN = (
        "minio-metrics-token",
        "MinIO's metrics need the token in minio-metrics; Prometheus must have a scrape job that sends it first.",
        "every pod that reaches MinIO's port reads its metrics without a token",
    )
    MESSAGING_DATABASE_ROLE = (
        "messaging-database-role",
        "svc-messaging logs in to PostgreSQL as a role of its own, with rights on its own tables only.",
        "svc-messaging logs in to PostgreSQL as the owner of all tables",
    )
    MINIO_NON_ROOT = (
        "minio-non-root",
        "MinIO runs as a plain user under Pod Security restricted; the owner of the files must be changed first.",
    )
    BUCKET_EXPIRY = (
        "bucket-expiry",
        "Voice and file objects expire as promised (1 and 7 days); a report of what it would delete comes first.",
        "voice and file objects stay for ever, and users were promised 1 and 7 days",
    )
    POD_SECURITY_ENFORCE = (
        "pod-security-enforce",
        "The namespace enforces Pod Security restricted; every live pod must pass a server-side dry run first.",
        "the namespace takes every pod, a privileged one as well",
    )
    RETIRE_OLD_POLICIES = (
        "retire-old-policies",
        "The NetworkPolicies made by hand go, so that default deny denies; what still uses them is looked at first.",
    )
    REAL_CLIENT_ADDRESS = (
        "real-client-address",
        "Stickiness follows the user's address from CF-Connecting-IP instead of the peer's.",
    )
    LONG_SOCKETS = (
        "long-sockets",
        "A silent WebSocket stays open for an hour above the ping interval instead of production's 300 s.",
    )
