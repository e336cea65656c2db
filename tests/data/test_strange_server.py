"""Servers that answer what MinIO never would: names that lead elsewhere, listings that cannot be trusted."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from tests.data.servers import BUCKET, Minio, Runs
from tests.data.test_backup import require_proven

Objects = dict[str, bytes]


class StrangeServer(ThreadingHTTPServer):
    """An S3 server that lists and returns whatever it was given, in the order in which it was given."""

    def __init__(self, objects: Objects) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects = objects
        self.endless = False
        self.corrupt: set[str] = set()
        self.page: bytes | None = None


class _Handler(BaseHTTPRequestHandler):
    @property
    def _strange(self) -> StrangeServer:
        assert isinstance(self.server, StrangeServer)
        return self.server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the library's name
        """Say nothing."""

    def _answer(self, body: bytes, code: int = 200, etag: str = "") -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Thu, 25 Dec 2025 06:00:00 GMT")
        if etag:
            self.send_header("ETag", f'"{etag}"')
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(b"")

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if "list-type" in parse_qs(url.query):
            self._answer(self._listing() if self._strange.page is None else self._strange.page)
            return
        key = unquote(url.path).removeprefix(f"/{BUCKET}/")
        if key not in self._strange.objects:
            self._answer(b"<Error><Code>NoSuchKey</Code></Error>", 404)
            return
        body = self._strange.objects[key]
        sent = b"\0" * len(body) if key in self._strange.corrupt else body
        self._answer(sent, etag=_md5(body))

    def _listing(self) -> bytes:
        entries = "".join(
            f"<Contents><Key>{escape(quote(key, safe='/'))}</Key><LastModified>2025-12-25T06:00:00Z</LastModified>"
            f'<ETag>"{_md5(body)}"</ETag><Size>{len(body)}</Size></Contents>'
            for key, body in self._strange.objects.items()
        )
        more = "<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>"
        tail = more if self._strange.endless else "<IsTruncated>false</IsTruncated>"
        head = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType>'
        return f"{head}{tail}{entries}</ListBucketResult>".encode()


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


@pytest.fixture
def strange() -> Iterator[StrangeServer]:
    """Run a server."""
    server = StrangeServer({})
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def strange_runs(strange: StrangeServer, tmp_path: Path) -> Runs:
    """Return the backup's runs against it."""
    (tmp_path / "volume").mkdir()
    unused = Minio(tmp_path / "unused")
    return Runs(unused, tmp_path / "volume", {"S3_ENDPOINT": f"http://127.0.0.1:{strange.server_address[1]}"})


def test_names_that_lead_elsewhere_stay_inside_the_snapshot(
    strange: StrangeServer, strange_runs: Runs, tmp_path: Path
) -> None:
    names = ["../../../escape", "/etc/passwd", "a/../../../../escape", "a/./b", "a//b", "plain"]
    strange.objects = {name: name.encode() for name in sorted(names)}
    before = {path for path in tmp_path.rglob("*") if "volume" not in path.parts and "tmp" not in path.parts}
    stamp = strange_runs.backup()
    assert require_proven(strange_runs, stamp) == strange.objects
    after = {path for path in tmp_path.rglob("*") if "volume" not in path.parts and "tmp" not in path.parts}
    assert after == before
    assert not (tmp_path / "escape").exists()


def test_an_object_and_objects_below_it(strange: StrangeServer, strange_runs: Runs) -> None:
    strange.objects = {name: name.encode() for name in sorted(["a", "a-b", "a/b", "a/b/c"])}
    assert require_proven(strange_runs, strange_runs.backup()) == strange.objects


@pytest.mark.parametrize("names", [["b", "a"], ["a", "a"]], ids=["out of order", "twice"])
def test_a_listing_out_of_order_is_not_trusted(strange: StrangeServer, strange_runs: Runs, names: list[str]) -> None:
    strange.objects = {f"{name}{number if len(set(names)) > 1 else ''}": b"x" for number, name in enumerate(names)}
    if len(set(names)) == 1:
        strange.endless = True
    code, output = strange_runs.run("backup")
    assert code == 1
    assert "is listed out of order" in output
    assert strange_runs.snapshots() == []


def test_a_server_that_returns_other_bytes_than_it_lists(strange: StrangeServer, strange_runs: Runs) -> None:
    strange.objects = {"files/a": b"true"}
    strange.corrupt = {"files/a"}
    code, output = strange_runs.run("backup")
    assert code == 1
    assert "'files/a' differs from what the server lists" in output
    assert strange_runs.snapshots() == []


@pytest.mark.parametrize("page", [b"<html><body>Log in<br></body></html>", b"", b"<ListBucketResult/>"])
def test_a_page_that_is_no_listing(strange: StrangeServer, strange_runs: Runs, page: bytes) -> None:
    strange.page = page
    code, output = strange_runs.run("backup")
    assert code == 1
    assert f"cannot list {BUCKET}" in output
    assert strange_runs.snapshots() == []
