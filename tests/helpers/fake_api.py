"""A fake API server on loopback that answers some requests wrong, as a login page or a cut connection would."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

UID = "11111111-2222-3333-4444-555555555555"
NAMESPACE = "backend-devnet"
KINDS = {
    "v1": "ConfigMap LimitRange Namespace PersistentVolumeClaim Pod ResourceQuota Secret Service ServiceAccount Node",
    "apps/v1": "DaemonSet Deployment StatefulSet",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "batch/v1": "CronJob Job",
    "networking.k8s.io/v1": "Ingress NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding",
}
LOGIN_PAGE = b"<!DOCTYPE html><html><title>Log in</title></html>"
WRONG: dict[str, bytes] = {
    "login page": LOGIN_PAGE,
    "null": b"null",
    "list": b'[{"metadata": {"name": "x"}}]',
    "text": b'"log in"',
    "empty body": b"",
    "empty object": b"{}",
    "message": b'{"message": "log in first"}',
    "items null": b'{"kind": "List", "metadata": {}, "items": null}',
    "items text": b'{"kind": "List", "metadata": {}, "items": "none", "resources": "none"}',
    "nothing": b'{"kind": "List", "metadata": {}, "resources": []}',
    "item null": b'{"kind": "List", "metadata": {}, "items": [null], "resources": [null]}',
}
"""Answers with status 200 that are neither an object nor a list; the cut body is made of the right one."""
CUT = "cut body"


class FakeApi(ThreadingHTTPServer):
    """An API server that knows a namespace and nothing in it.

    Attributes:
        wrong: By the number of a request: the name of its wrong answer.
        always: The wrong answer of every request from a number on.
        seen: Method and path of every request.
        tokens: The header Authorization of every request.
        refusal: A page with which every request is refused; empty for none.
        answer: The body of every answer; None for the right ones.
        busy: Numbers of the requests that are refused because the server is busy.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.wrong: dict[int, str] = {}
        self.always: tuple[int, str] = (0, "")
        self.seen: list[str] = []
        self.tokens: list[str] = []
        self.refusal = ""
        self.answer: bytes | None = None
        self.busy: set[int] = set()
        self.lists: dict[str, list[dict[str, Any]]] = {
            "namespaces": [{"metadata": {"name": name}} for name in ("default", NAMESPACE)]
        }

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def wrong_at(self, number: int) -> str:
        """Return the name of the wrong answer of a request, or an empty text."""
        since, name = self.always
        return self.wrong.get(number, name if since and number >= since else "")

    def right(self, path: str) -> dict[str, Any]:
        """Return the right answer."""
        parts = path.split("?", maxsplit=1)[0].strip("/").split("/")
        version, rest = ("v1", parts[2:]) if parts[0] == "api" else ("/".join(parts[1:3]), parts[3:])
        if not rest:
            found = [
                {"name": f"{kind.lower()}s", "kind": kind, "namespaced": kind not in {"Namespace", "Node"}}
                for kind in KINDS[version].split()
            ]
            return {"kind": "APIResourceList", "resources": found}
        if len(rest) % 2 == 0:
            return {"kind": "Namespace", "metadata": {"name": rest[-1], "uid": UID}}
        return {"kind": "List", "metadata": {}, "items": self.lists.get(rest[-1], [])}


class Handler(BaseHTTPRequestHandler):
    """Answers each request right, unless it is the one that is answered wrong."""

    server: FakeApi  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        """Answer one request."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append(f"{self.command} {self.path}")
        self.server.tokens.append(self.headers.get("Authorization", ""))
        wrong = self.server.wrong_at(len(self.server.seen))
        right = json.dumps(self.server.right(self.path)).encode()
        body = right[: len(right) // 2] if wrong == CUT else WRONG.get(wrong, right)
        body = self.server.refusal.encode() or (body if self.server.answer is None else self.server.answer)
        busy = len(self.server.seen) in self.server.busy
        self.send_response(429 if busy else 503 if self.server.refusal else 200)
        self.send_header("Content-Type", "text/html" if body is LOGIN_PAGE else "application/json")
        self.send_header("Connection", "close")  # no length: whoever reads cannot see that a body was cut
        self.end_headers()
        self.wfile.write(body)

    do_PATCH = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 the library's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the library's name
        """Say nothing."""


@contextmanager
def fake_api() -> Generator[FakeApi]:
    """Run a fake API server on a free port."""
    with FakeApi() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def write_kubeconfig(path: Path, url: str, user: dict[str, Any]) -> Path:
    """Write a kubeconfig with one context, `test`."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "users": [{"name": "test", "user": user}],
        "current-context": "test",
    }
    path.write_text(yaml.safe_dump(document))
    return path
