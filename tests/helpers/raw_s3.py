"""Objects by plain HTTP, without a library and without a signature: headers go and come as the bytes that they are.

For buckets whose policy lets everybody do everything, on a server of a test.
"""

import http.client
import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_plus, urlencode

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
COMPARED = ("cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires")


@dataclass(frozen=True)
class Sent:
    """An object as a client sends it.

    Attributes:
        key: Its name.
        body: Its content.
        headers: Header lines by name, as bytes.
        tags: Its tags.
    """

    key: str
    body: bytes
    headers: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Found:
    """An object as a server gives it."""

    body: bytes
    headers: Mapping[str, bytes]
    tags: Mapping[str, str]


def everything(bucket: str) -> str:
    """Return the policy that lets everybody do everything with a bucket."""
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statement = {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["s3:*"], "Resource": resources}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class RawS3:
    """A server by plain HTTP."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, bytes] | None = None) -> Found:
        self._connection.putrequest(method, path, skip_accept_encoding=True)
        self._connection.putheader("Content-Length", str(len(body)))
        for name, text in (headers or {}).items():
            self._connection.putheader(name, text)
        self._connection.endheaders(body)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status != http.client.OK:
            raise OSError(answer.status, said.decode(errors="replace"))
        return Found(said, {name.lower(): text.encode("latin-1") for name, text in answer.getheaders()}, {})

    def put(self, bucket: str, sent: Sent) -> bool:
        """Write an object; return whether the server has taken it."""
        tags = {"x-amz-tagging": urlencode(sent.tags).encode()} if sent.tags else {}
        try:
            self._ask("PUT", f"/{bucket}/{quote(sent.key)}", sent.body, {**sent.headers, **tags})
        except (OSError, ValueError):  # the library refuses what no header can hold
            self._connection.close()
            return False
        return True

    def names(self, bucket: str) -> set[str]:
        """Return what a bucket lists, up to a thousand names."""
        tree = ET.fromstring(self._ask("GET", f"/{bucket}?list-type=2&encoding-type=url").body)  # noqa: S314
        return {unquote_plus(key.text or "") for key in tree.iter(f"{NAMESPACE}Key")}

    def get(self, bucket: str, key: str) -> Found:
        """Read an object with its headers and tags."""
        found = self._ask("GET", f"/{bucket}/{quote(key)}")
        headers = {n: t for n, t in found.headers.items() if n in COMPARED or n.startswith("x-amz-meta-")}
        # Nobody is told that there are tags who has not signed: ask for them in any case.
        tree = ET.fromstring(self._ask("GET", f"/{bucket}/{quote(key)}?tagging").body)  # noqa: S314
        tags = {tag[0].text or "": tag[1].text or "" for tag in tree.iter() if tag.tag.rpartition("}")[2] == "Tag"}
        return Found(found.body, headers, tags)
