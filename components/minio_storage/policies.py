"""What MinIO is told: policies of users, lifecycle rules, the token of Prometheus, as texts."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

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


class StatementArgs(TypedDict):
    """What a user may do."""

    actions: Sequence[str]
    """Such as `s3:GetObject`."""
    resources: NotRequired[Sequence[str]]
    """Buckets, or `bucket/*` for objects; absent for rights over the server."""


def policy(statements: Sequence[StatementArgs]) -> str:
    """Return the policy of a user as MinIO reads it: what no statement allows is refused."""
    document: list[dict[str, object]] = []
    for statement in statements:
        made: dict[str, object] = {"Effect": "Allow", "Action": list(statement["actions"])}
        if statement.get("resources"):
            made["Resource"] = [f"arn:aws:s3:::{resource}" for resource in statement.get("resources", ())]
        document.append(made)
    if any("s3:DeleteObject" in statement["actions"] for statement in statements):
        document.append(_KEEP_VERSIONS)
    return json.dumps({"Version": "2012-10-17", "Statement": document}, indent=2)


def metrics_token(access_key: str, secret_key: str) -> str:
    """Return the bearer token by which Prometheus reads MinIO's metrics: a JWT signed with the user's secret."""

    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    head = part(json.dumps({"alg": "HS512", "typ": "JWT"}).encode())
    claims = part(json.dumps({"exp": TOKEN_EXPIRES, "iss": "prometheus", "sub": access_key}).encode())
    signature = hmac.new(secret_key.encode(), f"{head}.{claims}".encode(), hashlib.sha512).digest()
    return f"{head}.{claims}.{part(signature)}"


def lifecycle_rules(noncurrent_days: int, expiry_days: Mapping[str, int]) -> list[dict[str, object]]:
    """Return the bucket's lifecycle rules.

    Args:
        noncurrent_days: Days that a replaced or deleted version is kept.
        expiry_days: Days that an object lives, by prefix.
    """
    kept: dict[str, object] = {
        "ID": "old-versions",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": noncurrent_days},
    }
    expiring: list[dict[str, object]] = [
        {
            "ID": f"expire-{prefix.strip('/').replace('/', '-')}",
            "Status": "Enabled",
            "Filter": {"Prefix": prefix},
            "Expiration": {"Days": days},
        }
        for prefix, days in expiry_days.items()
    ]
    return [kept, *expiring]


def lifecycle_document(rules: list[dict[str, object]]) -> str:
    """Return the rules as `mc ilm import` reads them."""
    return json.dumps({"Rules": rules}, indent=2)
