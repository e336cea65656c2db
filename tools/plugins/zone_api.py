"""A DNS zone with the public face of Cloudflare's API (version 4), for tests and the local cluster.

It answers as the real one does where the program and its tools depend on it: envelope, paging, filters, error codes,
and 429 with Retry-After. Records are kept in one JSON file. The token is not looked at beyond being there.
"""

import argparse
import json
import re
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

ZONE_ID = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
ZONE_NAME = "gxcoin.money"
DEFAULT_PAGE, LARGEST_PAGE = 100, 5_000_000
PATH = re.compile(r"/client/v4/zones/(?P<zone>[^/]+)(?:/dns_records(?:/(?P<record>[^/]+))?)?$")
Record = dict[str, Any]


class ZoneRefusalError(Exception):
    """An answer that is no success: HTTP status, the API's own code, its text."""

    def __init__(self, status: int, code: int, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(message)


class EmulatedZone:
    """The records of one zone, each change written at once.

    Attributes:
        throttle: How many of the next requests are answered with 429.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.throttle = 0
        self.records: dict[str, Record] = json.loads(file.read_text()) if file and file.exists() else {}

    def find(self, query: dict[str, str]) -> list[Record]:
        """Return the records that match every filter."""
        wanted = {key.removesuffix(".exact"): value for key, value in query.items() if key not in {"page", "per_page"}}
        return [r for r in self.records.values() if all(str(r.get(k)).lower() == v.lower() for k, v in wanted.items())]

    def get(self, identifier: str) -> Record:
        """Return a record."""
        if identifier not in self.records:
            raise ZoneRefusalError(404, 81044, "Record does not exist.")
        return self.records[identifier]

    def put(self, identifier: str | None, record: Record) -> Record:
        """Add a record, or replace one; refused where the real zone refuses it."""
        if not record.get("name") or not record.get("type") or not record.get("content"):
            raise ZoneRefusalError(400, 9005, "Content for A record must be a valid IPv4 address.")
        if record.get("proxied") and record.get("ttl") != 1:
            raise ZoneRefusalError(400, 9021, "Invalid TTL. Must be 1 when the record is proxied.")
        with self._lock:
            others = [r for r in self.records.values() if r["id"] != identifier and r["name"] == record["name"]]
            if any(r["type"] == record["type"] and r["content"] == record["content"] for r in others):
                raise ZoneRefusalError(400, 81058, "An identical record already exists.")
            hosts = {"A", "AAAA", "CNAME"}
            if record["type"] == "CNAME" and any(r["type"] in hosts for r in others):
                raise ZoneRefusalError(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")
            if record["type"] in {"A", "AAAA"} and any(r["type"] == "CNAME" for r in others):
                raise ZoneRefusalError(400, 81054, "A CNAME record with that host already exists.")
            identifier = identifier or secrets.token_hex(16)
            self.records[identifier] = {"proxied": False, "comment": None, "tags": [], **record, "id": identifier}
            self._save()
            return self.records[identifier]

    def delete(self, identifier: str) -> Record:
        """Remove a record."""
        self.get(identifier)
        with self._lock:
            del self.records[identifier]
            self._save()
        return {"id": identifier}

    def _save(self) -> None:
        if self._file is not None:
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps(self.records, indent=1))
            part.replace(self._file)


class Handler(BaseHTTPRequestHandler):
    """One request; the zone is the server's."""

    protocol_version = "HTTP/1.1"

    def _answer(self, method: str) -> None:
        zone = cast("Server", self.server).zone
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        try:
            result, info = self._result(zone, method, json.loads(body) if body else {})
            self._send(200, {"success": True, "errors": [], "messages": [], "result": result, **info})
        except ZoneRefusalError as refusal:
            errors = [{"code": refusal.code, "message": refusal.message}]
            self._send(refusal.status, {"success": False, "errors": errors, "messages": [], "result": None})

    def _result(self, zone: EmulatedZone, method: str, body: Record) -> tuple[object, dict[str, object]]:
        if not self.headers.get("Authorization", "").startswith("Bearer "):
            raise ZoneRefusalError(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
        if zone.throttle > 0:
            zone.throttle -= 1
            raise ZoneRefusalError(429, 971, "Please wait and consider throttling your request speed")
        split = urlsplit(self.path)
        found = PATH.fullmatch(split.path)
        if found is None:
            raise ZoneRefusalError(404, 7000, "No route for that URI")
        if found["zone"] != ZONE_ID:
            raise ZoneRefusalError(
                404, 7003, "Could not route to the given zone, perhaps your object identifier is invalid?"
            )
        if not split.path.endswith("/dns_records") and found["record"] is None:
            return {"id": ZONE_ID, "name": ZONE_NAME}, {}
        return self._records(zone, method, found["record"], {k: v[0] for k, v in parse_qs(split.query).items()}, body)

    @staticmethod
    def _records(
        zone: EmulatedZone, method: str, record: str | None, query: dict[str, str], body: Record
    ) -> tuple[object, dict[str, object]]:
        if method == "GET" and record is None:
            found = zone.find(query)
            page, size = int(query.get("page", 1)), min(int(query.get("per_page", DEFAULT_PAGE)), LARGEST_PAGE)
            chosen = found[(page - 1) * size : page * size]
            info = {
                "page": page,
                "per_page": size,
                "count": len(chosen),
                "total_count": len(found),
                "total_pages": -(-len(found) // size),
            }
            return chosen, {"result_info": info}
        if method == "GET":
            return zone.get(str(record)), {}
        if method == "POST" and record is None:
            return zone.put(None, body), {}
        if record is not None and method in {"PUT", "PATCH"}:
            return zone.put(record, {**zone.get(record), **body}), {}
        if record is not None and method == "DELETE":
            return zone.delete(record), {}
        raise ZoneRefusalError(405, 10405, "Method not allowed for this authentication scheme")

    def _send(self, status: int, document: dict[str, object]) -> None:
        text = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if status == 429:  # noqa: PLR2004 HTTP's own number
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        """Answer."""
        if self.path == "/client/v4/ips":
            ranges = {"ipv4_cidrs": cast("Server", self.server).ranges, "ipv6_cidrs": []}
            self._send(200, {"success": True, "errors": [], "messages": [], "result": ranges})
            return
        self._answer("GET")

    def do_POST(self) -> None:
        """Answer."""
        self._answer("POST")

    def do_PUT(self) -> None:
        """Answer."""
        self._answer("PUT")

    def do_PATCH(self) -> None:
        """Answer."""
        self._answer("PATCH")

    def do_DELETE(self) -> None:
        """Answer."""
        self._answer("DELETE")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class's name
        """Write nothing: a request's headers hold a token."""


class Server(ThreadingHTTPServer):
    """The API of one zone on the loopback interface."""

    daemon_threads = True

    def __init__(self, zone: EmulatedZone, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.zone = zone
        self.ranges: list[str] = []

    @property
    def url(self) -> str:
        """The base URL, as CLOUDFLARE_BASE_URL takes it."""
        return f"http://127.0.0.1:{self.server_port}/client/v4"


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True)
    arguments = parser.parse_args()
    Server(EmulatedZone(arguments.file), arguments.port).serve_forever()


if __name__ == "__main__":
    main()
