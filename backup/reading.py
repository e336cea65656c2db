"""Reads an object into a file by one request that botocore signs, without the layers of boto3 above that.

For small objects boto3 spends most of its time on building the request and parsing the answer (docs/adr/0024). When
anything goes wrong here, boto3 reads the object again, with its retries and its names for errors.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from backup.s3 import CHUNK, CONNECT_SECONDS, OK, POOL, READ_SECONDS, BucketLocation, Digest, described
from backup.snapshot import Listed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

AT_ONCE = 4 << 20  # bytes of an object that is read in one piece
UNRESERVED = "-._~/"  # what a signed path keeps as it is


@dataclass(frozen=True)
class _Answer:
    """An object that begins to arrive."""

    headers: Mapping[str, str]
    body: Iterable[bytes]


class Reader:
    """Reads the objects of one bucket.

    Attributes:
        client: For everything else that is asked of the same server.
    """

    def __init__(self, location: BucketLocation) -> None:
        self.client: S3Client = location.client()
        self._location = location
        self._signer = S3SigV4Auth(Credentials(location.access_key, location.secret_key), "s3", location.region)
        self._session = URLLib3Session(
            timeout=(CONNECT_SECONDS, READ_SECONDS),  # type: ignore[arg-type]  # the stub knows one number alone
            max_pool_connections=POOL,
            proxies=get_environ_proxies(location.endpoint),
        )

    def download(self, key: str, path: Path) -> tuple[Listed, Digest]:
        """Write the content of an object to a file; return it as the server names it now, and what was written.

        Args:
            key: Its whole name.
            path: The file.

        Raises:
            FailedError: The server leaves out what a copy is compared with.
            BotoCoreError, ClientError: It cannot be read.
        """
        try:
            if (answer := self._at_once(key)) is not None:
                found, digest = self._written(key, answer, path)
                if digest.size == found.size:  # a body that was cut off ends without an error here
                    return found, digest
        except (HTTPClientError, HTTPError):
            pass
        return self._written(key, self._patiently(key), path)

    def _at_once(self, key: str) -> _Answer | None:
        """Ask for an object; None where the answer is anything but that object."""
        url = f"{self._location.endpoint.rstrip('/')}/{self._location.bucket}/{quote(key, safe=UNRESERVED)}"
        request = AWSRequest(method="GET", url=url, stream_output=True)
        self._signer.add_auth(request)
        answer = self._session.send(request.prepare())
        if answer.status_code != OK:
            _ = answer.content  # read it, so that the connection is used again
            return None
        headers = {name.lower(): text for name, text in answer.headers.items()}
        length = headers.get("content-length", "")
        at_once = length.isdecimal() and int(length) <= AT_ONCE
        body = (answer.raw.read(decode_content=False),) if at_once else answer.raw.stream(CHUNK, decode_content=False)
        return _Answer(headers, body)

    def _patiently(self, key: str) -> _Answer:
        answer = cast("dict[str, Any]", self.client.get_object(Bucket=self._location.bucket, Key=key))
        return _Answer(answer["ResponseMetadata"]["HTTPHeaders"], answer["Body"].iter_chunks(CHUNK))

    def _written(self, key: str, answer: _Answer, path: Path) -> tuple[Listed, Digest]:
        found = described(self.client, self._location.bucket, key, answer.headers)
        md5, size = hashlib.md5(usedforsecurity=False), 0
        with path.open("wb", buffering=0) as file:
            for chunk in answer.body:
                file.write(chunk)
                md5.update(chunk)
                size += len(chunk)
            if size > CHUNK:  # let the system write it out: it is not read again soon
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return found, Digest(size, md5.hexdigest())
