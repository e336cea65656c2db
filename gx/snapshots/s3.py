"""An S3 server through boto3: listings that stream, and checksums that prove a copy."""

import hashlib
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from gx.snapshots.hashing import Digest
from gx.snapshots.model import FailedError, Listed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CONNECT_SECONDS = 10
READ_SECONDS = 60
ATTEMPTS = 4
CHUNK = 1 << 20  # bytes read at once
KEPT_HEADERS = ("content-type", "content-encoding", "content-disposition", "content-language", "cache-control")
META = "x-amz-meta-"
WRITTEN_BY_MC = "x-amz-meta-mc-attrs"  # times and owner of the file that mc uploaded
OK = 200
_MD5 = re.compile(r"[0-9a-f]{32}")
_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A bucket, or the part of one below a prefix, and the key pair to reach it.

    Attributes:
        endpoint: URL of the server.
        bucket: Name of the bucket.
        access_key: Id of the key pair.
        secret_key: Its secret; never shown.
        prefix: What every name below it begins with; empty or ending in a slash.
        region: Region that requests are signed for.
        lists_headers: Whether the server lists content types and user metadata (an extension of MinIO).
    """

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str
    prefix: str = ""
    region: str = "us-east-1"
    lists_headers: bool = False

    def __repr__(self) -> str:
        """Return it without its keys."""
        return f"{self.endpoint}/{self.bucket}/{self.prefix}"

    def client(self, *, patient: bool = True) -> "S3Client":
        """Return a client; nothing is contacted yet.

        Args:
            patient: Whether a server that does not answer is waited for and asked again.
        """
        client = boto3.client(  # pyright: ignore[reportUnknownMemberType]
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS if patient else CONNECT_SECONDS,
                retries={"total_max_attempts": ATTEMPTS if patient else 1, "mode": "standard"},
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                max_pool_connections=16,
            ),
        )
        client.meta.events.register("before-parse.s3.ListObjectsV2", _read_contents)
        if self.lists_headers:
            client.meta.events.register("before-call.s3.ListObjectsV2", _ask_for_headers)
        return client


def reason(error: BotoCoreError | ClientError) -> str:
    """Return why a server refused, in one line without request ids."""
    if isinstance(error, ClientError):
        answer = error.response.get("Error", {})
        return f"{answer.get('Code', 'Unknown')}: {answer.get('Message', '') or error.operation_name}"
    return str(error)


class NoListingError(BotoCoreError):
    """A server answered a listing with something else."""

    fmt = "the answer is no listing ({why})"


def _ask_for_headers(params: dict[str, Any], **_: object) -> None:
    params["url"] += "&metadata=true"


def _read_contents(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """Read the objects of a listing here: the library's own reading takes ten times as long, and knows no headers."""
    if response_dict["status_code"] != OK:
        return
    try:
        tree = ET.fromstring(response_dict["body"])  # noqa: S314 the answer of the server that holds the data
    except ET.ParseError as error:
        raise NoListingError(why=str(error)) from None
    if tree.tag != f"{_NAMESPACE}ListBucketResult":
        raise NoListingError(why=f"<{tree.tag}>")
    nodes = tree.findall(f"{_NAMESPACE}Contents")
    for node in nodes:
        tree.remove(node)
    customized_response_dict["Contents"] = [_content(node) for node in nodes]
    response_dict["body"] = ET.tostring(tree)


def _content(node: ET.Element) -> dict[str, Any]:
    found: dict[str, Any] = {"Headers": {}}
    for child in node:
        name = child.tag.removeprefix(_NAMESPACE)
        if name == "UserMetadata":
            found["Headers"] = kept_headers({n.tag.removeprefix(_NAMESPACE).lower(): n.text or "" for n in child})
        else:
            found[name] = child.text or ""
    return found


def kept_headers(found: Mapping[str, str]) -> dict[str, str]:
    """Return those headers of an object that a restore brings back."""
    return {
        name: text
        for name, text in sorted(found.items())
        if name in KEPT_HEADERS or (name.startswith(META) and name != WRITTEN_BY_MC)
    }


def list_objects(client: "S3Client", bucket: str, prefix: str = "") -> Iterator[Listed]:
    """Yield every object below a prefix in ascending order of names, names without the prefix.

    Raises:
        FailedError: The server refuses, or its listing is out of order and so cannot be trusted.
    """
    last = ""
    try:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            entries: list[dict[str, Any]] = page.get("Contents", [])  # type: ignore[assignment]
            for entry in entries:
                key = entry["Key"][len(prefix) :]
                if key <= last and last:
                    raise FailedError(f"{bucket} is listed out of order: {key!r} comes after {last!r}")
                last = key
                yield Listed(
                    key=key,
                    size=int(entry["Size"]),
                    etag=entry["ETag"].strip('"'),
                    modified=entry["LastModified"],
                    headers=entry["Headers"],
                )
    except (BotoCoreError, ClientError) as error:
        raise FailedError(f"cannot list {bucket}: {reason(error)}") from None


def etag_of_parts(path: Path, part_size: int) -> str:
    """Return the ETag that a server gives an upload in parts of a size."""
    digests: list[bytes] = []
    with path.open("rb", buffering=0) as file:
        while part := file.read(part_size):
            digests.append(hashlib.md5(part, usedforsecurity=False).digest())
    whole = hashlib.md5(b"".join(digests), usedforsecurity=False)
    return f"{whole.hexdigest()}-{len(digests)}"


def digest_of(client: "S3Client", bucket: str, key: str) -> Digest:
    """Return size and MD5 of an object by reading it from its server.

    Raises:
        FailedError: It cannot be read.
    """
    md5, size = hashlib.md5(usedforsecurity=False), 0
    try:
        for chunk in client.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(CHUNK):
            md5.update(chunk)
            size += len(chunk)
    except (BotoCoreError, ClientError) as error:
        raise FailedError(f"cannot read {key!r} of {bucket}: {reason(error)}") from None
    return Digest(size, md5.hexdigest())


def proves(client: "S3Client", place: Place, listed: Listed, path: Path, digest: Digest) -> bool:
    """Return whether a file holds what a server lists under a name.

    An ETag is the MD5 of the content, or of its parts; where it is neither (a server that encrypts), the object is
    read once more and compared.

    Args:
        client: The server.
        place: The bucket and the prefix before the name.
        listed: The object.
        path: The file.
        digest: The file's size and MD5.
    """
    if digest.size != listed.size:
        return False
    if listed.etag == digest.md5:
        return True
    key = place.prefix + listed.key
    if "-" in listed.etag:
        try:
            part = client.head_object(Bucket=place.bucket, Key=key, PartNumber=1)["ContentLength"]
        except (BotoCoreError, ClientError) as error:
            raise FailedError(f"cannot ask for the parts of {key!r}: {reason(error)}") from None
        if part > 0 and etag_of_parts(path, part) == listed.etag:
            return True
    elif _MD5.fullmatch(listed.etag):
        return False
    return digest_of(client, place.bucket, key) == digest


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
