"""A fake S3 server that answers what MinIO never would. As a program it takes the arguments of `minio server`."""

import hashlib
import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "gx-voice-messages"

Objects = dict[str, bytes]


class StrangeServer(ThreadingHTTPServer):
    """An S3 server that lists and returns whatever it was given, in the order in which it was given.

    Attributes:
        objects: What `BUCKET` holds.
        stored: What was written, by path; other buckets are listed from it.
        endless: Whether a listing says that more follows, forever.
        corrupt: Names of objects that are answered with zeros.
        busy: Names of objects that are answered with 503.
        gone: Names of objects that are listed and answered with 404.
        slow: Seconds before an object is answered.
        pages: What listings answer, by the token that they are asked with; empty for honest listings.
        code: The code of such an answer.
        cut: What ends after half of its bytes: "listings", "objects".
        without: Names of elements and headers that are left out.
        asked: How many listings were asked for.
        read: Names of objects that were asked for, in order.
        starting: How often it answers 503 before it knows its buckets.
    """

    def __init__(self, objects: Objects, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.objects = objects
        self.stored: Objects = {}
        self.endless = False
        self.corrupt: set[str] = set()
        self.busy: set[str] = set()
        self.gone: set[str] = set()
        self.slow = 0.0
        self.pages: dict[str, bytes] = {}
        self.code = 200
        self.cut: set[str] = set()
        self.without: set[str] = set()
        self.asked = 0
        self.read: list[str] = []
        self.starting = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def held_by(self, bucket: str) -> Objects:
        """Return the objects of a bucket."""
        if bucket == BUCKET:
            return self.objects
        root = f"/{bucket}/"
        return {path.removeprefix(root): self.stored[path] for path in sorted(self.stored) if path.startswith(root)}


@contextmanager
def running(objects: Objects) -> Generator[StrangeServer]:
    """Run a server until it is no longer needed."""
    server = StrangeServer(objects)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def page(inside: str) -> bytes:
    """Return a page of a listing."""
    return f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inside}</ListBucketResult>'.encode()


class _Handler(BaseHTTPRequestHandler):
    @property
    def _strange(self) -> StrangeServer:
        assert isinstance(self.server, StrangeServer)
        return self.server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the library's name
        """Say nothing."""

    def _answer(self, body: bytes, code: int = 200, etag: str = "", *, cut: bool = False) -> None:
        headers = {"Content-Length": str(len(body)), "Last-Modified": "Thu, 25 Dec 2025 06:00:00 GMT"}
        if etag:
            headers["ETag"] = f'"{etag}"'
        self.send_response(code)
        for name, text in headers.items():
            if name not in self._strange.without:
                self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._strange.stored[unquote(urlsplit(self.path).path)] = body
        self._answer(b"", etag=_md5(body))

    def do_DELETE(self) -> None:
        self._answer(b"<Error><Code>AccessDenied</Code></Error>", 403)

    def do_HEAD(self) -> None:
        path = unquote(urlsplit(self.path).path)
        bucket, _, key = path[1:].partition("/")
        found = {"": b"", **self._strange.held_by(bucket)} if bucket == BUCKET else self._strange.held_by(bucket)
        body = found.get(key, b"")
        if key in self._strange.busy | self._strange.gone:
            self._answer(b"", 503 if key in self._strange.busy else 404)
            return
        self._answer(body, 200 if key in found or path in self._strange.stored else 404, _md5(body))

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        bucket, _, key = unquote(url.path)[1:].partition("/")
        if "list-type" in query:
            self._strange.asked += 1
            token = query.get("continuation-token", [""])[0]
            made = self._strange.pages[token] if token in self._strange.pages else self._listing(bucket, query)
            self._answer(made, self._strange.code, cut="listings" in self._strange.cut)
            return
        if not bucket:
            self._strange.starting -= 1
            buckets = b"<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>"
            self._answer(buckets, 503 if self._strange.starting >= 0 else 200)
            return
        self._strange.read.append(key)
        found = self._strange.held_by(bucket)
        if key not in found:
            self._answer(b"<Error><Code>NoSuchKey</Code></Error>", 404)
            return
        if key in self._strange.busy:
            self._answer(b"<Error><Code>SlowDown</Code><Message>later</Message></Error>", 503)
            return
        time.sleep(self._strange.slow)
        body = found[key]
        sent = b"\0" * len(body) if key in self._strange.corrupt else body
        self._answer(sent, etag=_md5(body), cut="objects" in self._strange.cut)

    def _listing(self, bucket: str, query: dict[str, list[str]]) -> bytes:
        prefix = query.get("prefix", [""])[0]
        found = {key: body for key, body in self._strange.held_by(bucket).items() if key.startswith(prefix)}
        folders: list[str] = []
        if "delimiter" in query:
            rests = [key.removeprefix(prefix) for key in found]
            folders = sorted({prefix + rest.partition("/")[0] + "/" for rest in rests if "/" in rest})
            found = {prefix + rest: found[prefix + rest] for rest in rests if "/" not in rest}
        entries = "".join(self._entry(key, body) for key, body in found.items())
        entries += "".join(f"<CommonPrefixes><Prefix>{escape(f)}</Prefix></CommonPrefixes>" for f in folders)
        more = "<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>"
        tail = more if self._strange.endless else "<IsTruncated>false</IsTruncated>"
        return page(f"<EncodingType>url</EncodingType>{tail}{entries}")

    def _entry(self, key: str, body: bytes) -> str:
        values = {
            "Key": escape(quote(key, safe="/")),
            "LastModified": "2025-12-25T06:00:00Z",
            "ETag": f'"{_md5(body)}"',
            "Size": str(len(body)),
        }
        inside = "".join(
            f"<{name}>{text}</{name}>" for name, text in values.items() if name not in self._strange.without
        )
        return f"<Contents>{inside}</Contents>"


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


if __name__ == "__main__":
    alone = StrangeServer({}, int(sys.argv[-1].rpartition(":")[2]))
    alone.without = set(os.environ.get("STRANGE_WITHOUT", "").split())
    alone.starting = int(os.environ.get("STRANGE_STARTING", "0"))
    alone.serve_forever()
