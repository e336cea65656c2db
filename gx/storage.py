"""What MinIO is told: users, the smallest policies that work, lifecycle rules, as JSON texts."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gx.naming import (
    BACKUP_STATUS_BUCKET,
    MINIO_BACKUP_USER,
    MINIO_MESSAGING_USER,
    MINIO_METRICS_USER,
    MINIO_RESTORE_USER,
    Network,
)

LIST = ("s3:GetBucketLocation", "s3:ListBucket")
LIST_UPLOADS = (*LIST, "s3:ListBucketMultipartUploads")
WRITE = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")

EXPIRY_DAYS = {"voice/temp/": 1, "files/": 7}
"""Promised lifetimes by prefix, in days (production.md 3)."""

STALE_UPLOADS = "24h"
"""After this MinIO removes what an unfinished upload left; it knows no lifecycle rule for that."""

TOKEN_EXPIRES = 4102444800
"""2100-01-01: the token of Prometheus ends with its key pair, by rotation."""

_KEEP_VERSIONS: dict[str, object] = {
    "Effect": "Deny",
    "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
    "Resource": ["arn:aws:s3:::*/*"],
    "Condition": {"StringLike": {"s3:versionid": "?*"}},
}
"""Who may delete objects may not delete their history: MinIO asks for the same right for both."""

Allowed = tuple[Sequence[str], Sequence[str]]
"""Actions and the resources that they are allowed on."""


@dataclass(frozen=True, kw_only=True)
class MinioUser:
    """A user of MinIO for one purpose.

    Attributes:
        purpose: What it is for; with the epoch it is the access key, which is no secret.
        secret: The Secret in which its consumer reads the pair.
        epoch: Its name in the settings `secretEpochs` and `retiredEpochs`.
        allows: What it may do on a network: everything else is refused.
    """

    purpose: str
    secret: str
    epoch: str
    allows: Callable[[Network], list[Allowed]]

    def access_key(self, epoch: int) -> str:
        """Return the access key of an epoch: two epochs are two users, so that one can retire after the other."""
        return f"{self.purpose}-{epoch}"

    def policy(self, network: Network) -> str:
        """Return its policy as MinIO reads it."""
        statements: list[dict[str, object]] = [
            {"Effect": "Allow", "Action": list(actions), **({"Resource": list(resources)} if resources else {})}
            for actions, resources in self.allows(network)
        ]
        statements += (
            [_KEEP_VERSIONS] if any("s3:DeleteObject" in actions for actions, _ in self.allows(network)) else []
        )
        return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)


def _arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"


def _messaging(network: Network) -> list[Allowed]:
    return [
        (LIST_UPLOADS, [_arn(network.bucket)]),
        ((*WRITE, "s3:DeleteObject"), [_arn(f"{network.bucket}/*")]),
    ]


def _backup(network: Network) -> list[Allowed]:
    return [
        (LIST, [_arn(network.bucket)]),
        (("s3:GetObject",), [_arn(f"{network.bucket}/*")]),
        (("s3:GetObject", "s3:PutObject"), [_arn(f"{BACKUP_STATUS_BUCKET}/*.json")]),
    ]


def _restore(network: Network) -> list[Allowed]:
    """Return what a restore may do: the live bucket and buckets named after it, and delete nothing."""
    buckets = [_arn(network.bucket), _arn(f"{network.bucket}-*")]
    objects = [f"{arn}/*" for arn in buckets]
    return [(LIST_UPLOADS, buckets), (("s3:CreateBucket",), buckets[1:]), (WRITE, objects)]


def _metrics(_network: Network) -> list[Allowed]:
    return [(("admin:Prometheus",), ()), (("s3:GetObject",), [_arn(f"{BACKUP_STATUS_BUCKET}/*.json")])]


MINIO_USERS_BY_PURPOSE = {
    user.purpose: user
    for user in (
        MinioUser(purpose="svc-messaging", secret=MINIO_MESSAGING_USER, epoch="minioMessagingUser", allows=_messaging),
        MinioUser(purpose="backup", secret=MINIO_BACKUP_USER, epoch="minioBackupUser", allows=_backup),
        MinioUser(purpose="restore", secret=MINIO_RESTORE_USER, epoch="minioRestoreUser", allows=_restore),
        MinioUser(purpose="metrics", secret=MINIO_METRICS_USER, epoch="minioMetricsUser", allows=_metrics),
    )
}


def metrics_token(access_key: str, secret_key: str) -> str:
    """Return the bearer token by which Prometheus reads MinIO's metrics: a JWT signed with the user's secret."""

    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    head = part(json.dumps({"alg": "HS512", "typ": "JWT"}).encode())
    claims = part(json.dumps({"exp": TOKEN_EXPIRES, "iss": "prometheus", "sub": access_key}).encode())
    signature = hmac.new(secret_key.encode(), f"{head}.{claims}".encode(), hashlib.sha512).digest()
    return f"{head}.{claims}.{part(signature)}"


def lifecycle_rules(*, noncurrent_days: int, expire_objects: bool) -> list[dict[str, object]]:
    """Return the bucket's lifecycle rules.

    Args:
        noncurrent_days: Days that a replaced or deleted version is kept.
        expire_objects: Whether objects expire as promised. Off on an adopted bucket until a report has said what
            that would delete (takeover.md 9).
    """
    rules: list[dict[str, object]] = [
        {
            "ID": "old-versions",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": noncurrent_days},
        },
    ]
    if expire_objects:
        expiring: list[dict[str, object]] = [
            {
                "ID": f"expire-{prefix.strip('/').replace('/', '-')}",
                "Status": "Enabled",
                "Filter": {"Prefix": prefix},
                "Expiration": {"Days": days},
            }
            for prefix, days in EXPIRY_DAYS.items()
        ]
        rules += expiring
    return rules


def lifecycle_document(rules: list[dict[str, object]]) -> str:
    """Return the rules as `mc ilm import` reads them."""
    return json.dumps({"Rules": rules}, indent=2)
