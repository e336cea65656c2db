"""Files in the bucket, through the real S3 API with the keys that the manifests give."""

import os
import uuid
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast

import anyio.to_thread
import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SECONDS = 5


class Files:
    """The bucket; without keys storage is silently off, as in the service itself (production.md#svc-messaging)."""

    def __init__(self) -> None:
        self._bucket = os.environ.get("S3_BUCKET_VOICE", "")
        self._client: S3Client | None = None
        if os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY"):
            untyped = cast("Any", boto3)
            self._client = untyped.client(
                "s3",
                endpoint_url=os.environ["S3_ENDPOINT"],
                region_name=os.environ.get("S3_REGION", "us-east-1"),
                config=Config(
                    s3={"addressing_style": "path"},
                    connect_timeout=2,
                    read_timeout=SECONDS,
                    retries={"max_attempts": 2},
                ),
            )

    @property
    def enabled(self) -> bool:
        """Whether there are keys."""
        return self._client is not None

    async def put(self, prefix: str, name: str, content: bytes) -> str:
        """Store content and return its key: the prefix, an id and the name's ending."""
        assert self._client is not None
        key = f"{prefix}/{uuid.uuid4()}{PurePosixPath(name).suffix}"
        client = self._client
        await anyio.to_thread.run_sync(lambda: client.put_object(Bucket=self._bucket, Key=key, Body=content))
        return key

    async def get(self, key: str) -> bytes:
        """Return what is stored under a key."""
        assert self._client is not None
        client = self._client

        def read() -> bytes:
            return client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

        return await anyio.to_thread.run_sync(read)
