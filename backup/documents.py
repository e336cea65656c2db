"""Small JSON documents in a bucket."""

import json
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from backup.s3 import reason
from backup.snapshot import FailedError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def put_json(client: "S3Client", bucket: str, key: str, document: object) -> None:
    """Write a small JSON document.

    Raises:
        FailedError: The server refuses it.
    """
    try:
        client.put_object(Bucket=bucket, Key=key, Body=json.dumps(document).encode(), ContentType="application/json")
    except (BotoCoreError, ClientError) as error:
        raise FailedError(f"cannot write {key} to {bucket}: {reason(error)}") from None


def get_json(client: "S3Client", bucket: str, key: str) -> dict[str, Any] | None:
    """Return a small JSON document, or None if there is none.

    Raises:
        FailedError: The server refuses, or the document is no JSON object.
    """
    try:
        data: object = json.loads(client.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchKey":
            return None
        raise FailedError(f"cannot read {key} of {bucket}: {reason(error)}") from None
    except BotoCoreError as error:
        raise FailedError(f"cannot read {key} of {bucket}: {reason(error)}") from None
    except ValueError:
        raise FailedError(f"{key} of {bucket} is no JSON") from None
    if not isinstance(data, dict):
        raise FailedError(f"{key} of {bucket} is no JSON object")
    return cast("dict[str, Any]", data)
