"""MinIO on one claim: server, bucket, lifecycle rules, one user per purpose."""

from components.minio_storage.component import MinioStorage, MinioStorageArgs
from components.minio_storage.users import BucketUserArgs, StatementArgs

__all__ = ["BucketUserArgs", "MinioStorage", "MinioStorageArgs", "StatementArgs"]
