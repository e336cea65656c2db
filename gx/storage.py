"""What MinIO is told: lifecycle rules and the smallest policies that work, as JSON texts."""

import json

from gx.naming import Network

BUCKET_ACTIONS = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
OBJECT_ACTIONS = (
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)
READ_BUCKET_ACTIONS = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning")
READ_OBJECT_ACTIONS = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging")

EXPIRY_DAYS = {"voice/temp/": 1, "files/": 7}
"""Promised lifetimes by prefix, in days (production.md 3)."""


def _policy(bucket: str, bucket_actions: tuple[str, ...], object_actions: tuple[str, ...]) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": list(bucket_actions), "Resource": [f"arn:aws:s3:::{bucket}"]},
                {"Effect": "Allow", "Action": list(object_actions), "Resource": [f"arn:aws:s3:::{bucket}/*"]},
            ],
        },
        indent=2,
    )


def messaging_policy(network: Network) -> str:
    """Return the policy of svc-messaging: objects of the one bucket, no bucket settings, no other bucket."""
    return _policy(network.bucket, BUCKET_ACTIONS, OBJECT_ACTIONS)


def backup_policy(network: Network) -> str:
    """Return the policy of the backup: list and read the one bucket."""
    return _policy(network.bucket, READ_BUCKET_ACTIONS, READ_OBJECT_ACTIONS)


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
