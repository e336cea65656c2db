"""The bucket of voice messages and files: who may do what in it, and how long objects live."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from catalogue.secrets import BACKUP_USER, MESSAGING_USER, METRICS_USER, RESTORE_USER, GeneratedSecret
from common.naming import BACKUP_STATUS_BUCKET

LIST = ("s3:GetBucketLocation", "s3:ListBucket")
LIST_UPLOADS = (*LIST, "s3:ListBucketMultipartUploads")
WRITE = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
TAGS = ("s3:GetObjectTagging", "s3:PutObjectTagging")

EXPIRY_DAYS = {"voice/temp/": 1, "files/": 7}
"""Promised lifetimes by prefix, in days (production.md#svc-messaging)."""

Allowed = tuple[Sequence[str], Sequence[str]]
"""Actions and the buckets or objects that they are allowed on."""


@dataclass(frozen=True, kw_only=True)
class MinioUser:
    """A user of MinIO for one purpose.

    Attributes:
        purpose: What it is for; with the epoch it is the access key, which is no secret.
        pair: Its key pair.
        allows: What it may do by the name of the bucket: everything else is refused.
    """

    purpose: str
    pair: GeneratedSecret
    allows: Callable[[str], list[Allowed]]


def _messaging(bucket: str) -> list[Allowed]:
    return [(LIST_UPLOADS, [bucket]), ((*WRITE, "s3:DeleteObject"), [f"{bucket}/*"])]


def _backup(bucket: str) -> list[Allowed]:
    return [
        (LIST, [bucket]),
        (("s3:GetObject", "s3:GetObjectTagging"), [f"{bucket}/*"]),
        (("s3:GetObject", "s3:PutObject"), [f"{BACKUP_STATUS_BUCKET}/*.json"]),
    ]


def _restore(bucket: str) -> list[Allowed]:
    """Return what a restore may do: the live bucket and buckets named after it, and delete nothing."""
    buckets = [bucket, f"{bucket}-*"]
    objects = [f"{name}/*" for name in buckets]
    return [(LIST_UPLOADS, buckets), (("s3:CreateBucket",), buckets[1:]), ((*WRITE, *TAGS), objects)]


def _metrics(_bucket: str) -> list[Allowed]:
    return [(("admin:Prometheus",), ()), (("s3:GetObject",), [f"{BACKUP_STATUS_BUCKET}/*.json"])]


MINIO_USERS = (
    MinioUser(purpose="svc-messaging", pair=MESSAGING_USER, allows=_messaging),
    MinioUser(purpose="backup", pair=BACKUP_USER, allows=_backup),
    MinioUser(purpose="restore", pair=RESTORE_USER, allows=_restore),
    MinioUser(purpose="metrics", pair=METRICS_USER, allows=_metrics),
)
