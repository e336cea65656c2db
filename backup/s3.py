"""An S3 server through boto3: listings that stream, objects with every header, checksums that prove a copy."""

import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

import boto3
from botocore.auth import AUTH_TYPE_MAPS, S3SigV4Auth
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from backup.snapshot import FailedError, Listed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CONNECT_SECONDS = 10
READ_SECONDS = 60
ATTEMPTS = 4
POOL = 16  # connections that are kept
CHUNK = 1 << 20  # bytes read at once
META = "x-amz-meta-"
TAGS = "x-amz-tagging"
KEPT_HEADERS = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
        "x-amz-website-redirect-location",
        TAGS,
    }
)
"""What is brought back beside everything that begins with META."""
OK, REFUSED = 200, 301  # the library takes what lies between for an answer, too
NEEDED = ("Key", "Size", "ETag", "LastModified")
_MD5 = re.compile(r"[0-9a-f]{32}")
_SIGNATURE = "s3v4-bytes"
_HEADERS = "KeptHeaders"
_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@dataclass(frozen=True, kw_only=True)
class BucketLocation:
    """A bucket, or the part of one below a prefix, and the key pair to reach it.

    Attributes:
        endpoint: URL of the server.
        bucket: Name of the bucket.
        access_key: Id of the key pair.
        secret_key: Its secret; never shown.
        prefix: What every name below it begins with; empty or ending in a slash.
        region: Region that requests are signed for.
    """

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str
    prefix: str = ""
    region: str = "us-east-1"

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
        client.meta.events.register("provide-client-params.s3.PutObject", _take_headers)
        client.meta.events.register("before-call.s3.PutObject", _add_headers)
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
                signature_version=_SIGNATURE,
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                max_pool_connections=POOL,
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


class _SignsBytes(S3SigV4Auth):
    """Signs header values as the bytes that they are: not every one that a server has taken is a text."""

    def _header_value(self, value: str | bytes) -> str:
        """Return a value with one letter per byte, and its blanks, those outside ASCII too, as MinIO counts them."""
        text = value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")
        return " ".join(text.split()).encode("utf-8", "surrogateescape").decode("latin-1")

    def string_to_sign(self, request: Any, canonical_request: str) -> str:  # noqa: ANN401 the library has no types
        """Return what is signed of a request."""
        digest = hashlib.sha256(canonical_request.encode("latin-1")).hexdigest()
        return "\n".join(["AWS4-HMAC-SHA256", request.context["timestamp"], self.credential_scope(request), digest])


AUTH_TYPE_MAPS[_SIGNATURE] = _SignsBytes


def _take_headers(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    """Keep headers from the library, which knows some of them by other names and refuses others."""
    context[_HEADERS] = params.pop(_HEADERS, {})


def _add_headers(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    for name, text in context[_HEADERS].items():
        params["headers"][name] = text.encode("utf-8", "surrogateescape")


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
    found: dict[str, Any] = {child.tag.removeprefix(_NAMESPACE): child.text or "" for child in node}
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


def pages(client: "S3Client", bucket: str, prefix: str, **more: str) -> Iterator[dict[str, Any]]:
    """Yield the pages of a listing until the server has said that nothing follows.

    The library's own paginator ends silently at a page that is cut off, and goes round forever when tokens repeat.

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
            )


@dataclass(frozen=True, slots=True)
class Digest:
    """Size and MD5 of some bytes."""

    size: int
    md5: str


def describe(client: "S3Client", bucket: str, key: str) -> Listed:
    """Return an object as the server names it now, with every header that a restore brings back.

    Raises:
        FailedError: The server leaves out what a copy is compared with.
        BotoCoreError, ClientError: It cannot be asked.
    """
    answer = cast("dict[str, Any]", client.head_object(Bucket=bucket, Key=key))
    return described(client, bucket, key, answer["ResponseMetadata"]["HTTPHeaders"])


def described(client: "S3Client", bucket: str, key: str, sent: Mapping[str, str]) -> Listed:
    """Return an object by the headers of an answer; its tags are asked for.

    Raises:
        FailedError: The server leaves out what a copy is compared with.
        BotoCoreError, ClientError: The tags cannot be asked for.
    """
    try:
        size, etag = int(sent["content-length"]), sent["etag"].strip('"')
        modified = parsedate_to_datetime(sent["last-modified"]).isoformat()
    except KeyError as error:
        raise FailedError(f"cannot read {key!r} of {bucket}: the answer has no {error.args[0]}") from None
    except ValueError as error:
        raise FailedError(f"cannot read {key!r} of {bucket}: {error}") from None
    headers = {
        name: text.encode("latin-1").decode("utf-8", "surrogateescape")
        for name, text in sent.items()
        if name in KEPT_HEADERS or name.startswith(META)
    }
    if sent.get("x-amz-tagging-count", "0") != "0":
        tags = client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
        headers[TAGS] = urlencode([(tag["Key"], tag["Value"]) for tag in tags], quote_via=quote)
    return Listed(key=key, size=size, etag=etag, modified=modified, headers=dict(sorted(headers.items())))


def put_file(client: "S3Client", bucket: str, key: str, path: Path, headers: Mapping[str, str]) -> None:
    """Write one object with its headers.

    Raises:
        BotoCoreError, ClientError: The server refuses it.
    """
    with path.open("rb") as file:
        client.put_object(Bucket=bucket, Key=key, Body=file, **{_HEADERS: headers})  # type: ignore[arg-type]


def hash_file(path: str | Path) -> Digest:
    """Return size and MD5 of a file."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 called once per object
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
        return Digest(file.tell(), md5.hexdigest())


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


def proves(client: "S3Client", location: BucketLocation, listed: Listed, path: Path, digest: Digest) -> bool:
    """Return whether a file holds what a server lists under a name.

    An ETag is the MD5 of the content, or of its parts; where it is neither (a server that encrypts), the object is
    read once more and compared.

    Args:
        client: The server.
        location: The bucket and the prefix before the name.
        listed: The object.
        path: The file.
        digest: The file's size and MD5.
    """
    if digest.size != listed.size:
        return False
    if listed.etag == digest.md5:
        return True
    key = location.prefix + listed.key
    if "-" in listed.etag:
        try:
            part = client.head_object(Bucket=location.bucket, Key=key, PartNumber=1).get("ContentLength", 0)
        except (BotoCoreError, ClientError) as error:
            raise FailedError(f"cannot ask for the parts of {key!r}: {reason(error)}") from None
        if part > 0 and etag_of_parts(path, part) == listed.etag:
            return True
    elif _MD5.fullmatch(listed.etag):
        return False
    return digest_of(client, location.bucket, key) == digest
