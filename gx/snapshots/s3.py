"""An S3 server through boto3: listings that stream, and checksums that prove a copy."""

import hashlib
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
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
OK, REFUSED = 200, 301  # the library takes what lies between for an answer, too
NEEDED = ("Key", "Size", "ETag", "LastModified")
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

        Raises:
            FailedError: The address, the region or the key pair is none.
        """
        if not all(
            key.isascii() and key.isprintable() and " " not in key for key in (self.access_key, self.secret_key)
        ):
            raise FailedError(f"the key pair of {self.bucket} holds a blank, a line end or a letter outside ASCII")
        try:
            client = self._client(patient=patient)
        except (ValueError, BotoCoreError) as error:
            raise FailedError(f"the server of {self.bucket} cannot be addressed: {error}") from None
        client.meta.events.register("before-parse.s3.ListObjectsV2", _read_contents)
        if self.lists_headers:
            client.meta.events.register("before-call.s3.ListObjectsV2", _ask_for_headers)
        return client

    def _client(self, *, patient: bool) -> "S3Client":
        return boto3.client(  # pyright: ignore[reportUnknownMemberType]
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


def reason(error: BotoCoreError | ClientError) -> str:
    """Return why a server refused, in one line without request ids."""
    if isinstance(error, ClientError):
        answer = error.response.get("Error", {})
        code = answer.get("Code", "Unknown")
        # The library's own words for what it cannot read: a proxy's page, even with status 200, is "500" to it.
        foreign = code.isdigit() and not error.operation_name.startswith("Head")
        text = f"{code}: {answer.get('Message', '') or error.operation_name}"
        return f"{text} (the answer is no document of S3)" if foreign else text
    return str(error)


class NoListingError(BotoCoreError):
    """A server answered a listing with something else."""

    fmt = "the answer is no listing ({why})"


def _ask_for_headers(params: dict[str, Any], **_: object) -> None:
    params["url"] += "&metadata=true"


def _read_contents(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """Read the objects of a listing here: the library's own reading takes ten times as long, and knows no headers."""
    if response_dict["status_code"] >= REFUSED:
        return
    if response_dict["status_code"] != OK:
        raise NoListingError(why=f"status {response_dict['status_code']}")
    try:
        tree = ET.fromstring(response_dict["body"])  # noqa: S314 the answer of the server that holds the data
    except ET.ParseError as error:
        raise NoListingError(why=str(error)) from None
    if tree.tag != f"{_NAMESPACE}ListBucketResult":
        raise NoListingError(why=f"<{tree.tag}>")
    nodes = tree.findall(f"{_NAMESPACE}Contents")
    for node in nodes:
        tree.remove(node)
    _check_page(tree, len(nodes))
    customized_response_dict["Contents"] = [_content(node) for node in nodes]
    response_dict["body"] = ET.tostring(tree)


def _check_page(page: ET.Element, objects: int) -> None:
    """Refuse a page of a listing that does not say how many names it holds and whether more follow."""
    more = page.findtext(f"{_NAMESPACE}IsTruncated")
    if more not in {"true", "false"}:
        raise NoListingError(why="it does not say whether it is complete")
    if more == "true" and not page.findtext(f"{_NAMESPACE}NextContinuationToken"):
        raise NoListingError(why="it is cut off: there is more, but no token to ask for it")
    counted = page.findtext(f"{_NAMESPACE}KeyCount")
    names = {objects, objects + len(page.findall(f"{_NAMESPACE}CommonPrefixes"))}  # some servers count objects alone
    if counted is not None and counted not in map(str, names):
        raise NoListingError(why=f"it should hold {counted} names and holds {max(names)}")


def _content(node: ET.Element) -> dict[str, Any]:
    found: dict[str, Any] = {"Headers": {}}
    for child in node:
        name = child.tag.removeprefix(_NAMESPACE)
        if name == "UserMetadata":
            found["Headers"] = kept_headers({n.tag.removeprefix(_NAMESPACE).lower(): n.text or "" for n in child})
        else:
            found[name] = child.text or ""
    for name in NEEDED:
        if not found.get(name, "").strip('"'):
            raise NoListingError(why=f"{found.get('Key', 'an object')!r} without {name}")
    if not found["Size"].isdecimal() or not _is_time(found["LastModified"]):
        raise NoListingError(why=f"{found['Key']!r} has size {found['Size']!r}, time {found['LastModified']!r}")
    return found


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def kept_headers(found: Mapping[str, str]) -> dict[str, str]:
    """Return those headers of an object that a restore brings back."""
    return {
        name: text
        for name, text in sorted(found.items())
        if name in KEPT_HEADERS or (name.startswith(META) and name != WRITTEN_BY_MC)
    }


def pages(client: "S3Client", bucket: str, prefix: str, **more: str) -> Iterator[dict[str, Any]]:
    """Yield the pages of a listing until the server has said that nothing follows.

    The library's own paginator ends silently at a page that is cut off, and goes round for ever when tokens repeat.

    Raises:
        FailedError: The server refuses, answers with something else, or its listing has no end.
    """
    seen: set[str] = set()
    while True:
        try:
            page = cast("dict[str, Any]", client.list_objects_v2(Bucket=bucket, Prefix=prefix, **more))  # type: ignore[arg-type]
        except (BotoCoreError, ClientError) as error:
            raise FailedError(f"cannot list {bucket}: {reason(error)}") from None
        yield page
        if not page["IsTruncated"]:
            return
        token = page["NextContinuationToken"]
        if token in seen:
            raise FailedError(f"cannot list {bucket}: the same token came twice, its listing has no end")
        seen.add(token)
        more["ContinuationToken"] = token


def list_objects(client: "S3Client", bucket: str, prefix: str = "") -> Iterator[Listed]:
    """Yield every object below a prefix in ascending order of names, names without the prefix.

    Raises:
        FailedError: The server refuses, or its listing is cut off or out of order and so cannot be trusted.
    """
    last = ""
    for page in pages(client, bucket, prefix):
        for entry in page["Contents"]:
            if not entry["Key"].startswith(prefix):
                raise FailedError(f"{bucket} lists {entry['Key']!r}, which is not below {prefix!r}")
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


def download(client: "S3Client", bucket: str, key: str, path: Path) -> Mapping[str, Any]:
    """Write the content of an object to a file; return what the server says of it.

    Raises:
        FailedError: The server leaves out what a copy is compared with.
        BotoCoreError, ClientError: It cannot be read.
    """
    answer = cast("dict[str, Any]", client.get_object(Bucket=bucket, Key=key))
    for name in ("ContentLength", "ETag", "LastModified"):
        if name not in answer:
            raise FailedError(f"cannot read {key!r} of {bucket}: the answer has no {name}")
    with path.open("wb") as file:
        for chunk in answer["Body"].iter_chunks(CHUNK):
            file.write(chunk)
    return answer


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
            part = client.head_object(Bucket=place.bucket, Key=key, PartNumber=1).get("ContentLength", 0)
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
