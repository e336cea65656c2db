"""An API server that holds what a test gives it: lists, objects, proxied answers, commands in pods."""

import asyncio
import base64
import json
import re
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
import yaml

from catalogue import CATALOGUE
from settings.monitoring.rules import rule_file
from settings.settings import Settings
from tests.helpers.network import free_port
from tests.verify.fake_network import PASSWORD

UID = "11111111-2222-3333-4444-555555555555"
KINDS = {
    "v1": {"Namespace": "namespaces", "Pod": "pods", "Secret": "secrets", "Service": "services"},
    "apps/v1": {"Deployment": "deployments"},
    "batch/v1": {"CronJob": "cronjobs"},
}
NOW = datetime.now(UTC).replace(microsecond=0)


def rules_answer(settings: Settings) -> dict[str, Any]:
    """Return what Prometheus says when it has loaded a network's rules."""
    groups = [
        {
            "name": group["name"],
            "rules": [
                {"name": rule.get("alert") or rule["record"], "health": "ok", "labels": rule.get("labels", {})}
                for rule in group["rules"]
            ],
        }
        for group in rule_file(settings)["groups"]
    ]
    return {"status": "success", "data": {"groups": groups}}


def pod(namespace: str, name: str, labels: dict[str, str], node: str, *, ready: bool = True) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "spec": {"nodeName": node},
        "status": {"conditions": conditions},
    }


@dataclass
class Cluster:
    """What the API server knows.

    Attributes:
        settings: The network that runs on it.
        objects: Every object.
        proxied: Status and body by path behind a proxy; others answer 200 without a body.
        answers: Exit code and text of commands in pods, by a word that each holds.
        endings: How their end is told instead, likewise: a status, an empty text for none, None for silence.
        forbidden: Plurals that may not be read.
        hangs: Whether proxied answers never come.
        commands: Commands that were run.
        once_listed: What happens after a plural was listed for the first time.
    """

    settings: Settings
    objects: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    proxied: dict[str, tuple[int, Any]] = field(default_factory=dict[str, tuple[int, Any]])
    answers: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    endings: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    forbidden: set[str] = field(default_factory=set[str])
    hangs: bool = False
    commands: list[str] = field(default_factory=list[str])
    once_listed: dict[str, Callable[[], None]] = field(default_factory=dict[str, Callable[[], None]])
    port: int = 0

    def reset(self) -> None:
        """Let the network run as its release file says."""
        namespace = self.settings.network.namespace
        self.answers, self.endings, self.forbidden = {}, {}, set()
        self.commands.clear()
        self.proxied = {"/api/v1/rules": (200, rules_answer(self.settings))}
        controller = {"app.kubernetes.io/component": "controller"}
        last = (NOW - timedelta(hours=2)).isoformat()
        self.objects = [
            {"kind": "Namespace", "metadata": {"name": "kube-system", "uid": UID}},
            *(self._deployment(name) for name in CATALOGUE),
            pod(namespace, "svc-messaging-1", {"app": "svc-messaging"}, "vps4"),
            pod("ingress-nginx", "controller-1", controller, "vps1"),
            pod("ingress-nginx", "controller-2", controller, "vps2"),
            {
                "kind": "Service",
                "metadata": {"namespace": "ingress-nginx", "name": "ingress-nginx-controller"},
                "spec": {"selector": controller},
            },
            {
                "kind": "CronJob",
                "metadata": {"namespace": namespace, "name": "minio-backup"},
                "spec": {},
                "status": {"lastSuccessfulTime": last},
            },
            self.secret("gx-test-users", password=PASSWORD),
            self.secret("gx-connections", REDIS_URL=f"redis://:x@{self.settings.network.redis_host}:6379"),
            self.secret("minio-credentials", AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b"),
        ]

    def secret(self, name: str, **values: str) -> dict[str, Any]:
        """Return a Secret of the network."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        metadata = {"namespace": self.settings.network.namespace, "name": name}
        return {"kind": "Secret", "metadata": metadata, "data": data}

    def set_minio_keys(self, access_key: str, secret_key: str) -> None:
        """Let the network know the keys of a MinIO that is there."""
        keys = self.secret("minio-credentials", AWS_ACCESS_KEY_ID=access_key, AWS_SECRET_ACCESS_KEY=secret_key)
        self.get("Secret", "minio-credentials").update(keys)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object, to change it."""
        return next(o for o in self.objects if (o["kind"], o["metadata"]["name"]) == (kind, name))

    def _deployment(self, name: str) -> dict[str, Any]:
        containers = [{"name": name, "image": self.settings.image(name)}]
        rolled = {"type": "Progressing", "lastUpdateTime": (NOW - timedelta(hours=30)).isoformat()}
        counts = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}
        return {
            "kind": "Deployment",
            "metadata": {"namespace": self.settings.network.namespace, "name": name, "generation": 1},
            "spec": {"replicas": 1, "template": {"spec": {"containers": containers}}},
            "status": {**counts, "conditions": [rolled]},
        }

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request, as ASGI asks for it."""
        if scope["type"] == "websocket":
            await self._exec(scope, receive, send)
            return
        if self.hangs and "/proxy/" in scope["path"]:
            await asyncio.sleep(60)
        status, body = self._answer(scope["path"], scope["query_string"].decode())
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": b"" if body is None else json.dumps(body).encode()})
        self.once_listed.pop(scope["path"].rsplit("/", 1)[-1], lambda: None)()

    def _answer(self, path: str, query: str) -> tuple[int, Any]:
        if "/proxy/" in path:
            return self.proxied.get("/" + path.split("/proxy/")[1], (200, None))
        found = re.fullmatch(r"/(?:api/v1|apis/([\w.]+/v1))(?:/namespaces/([\w-]+))?(?:/(\w+)(?:/([\w.-]+))?)?", path)
        if path == "/api/v1/namespaces/kube-system":
            return 200, self.get("Namespace", "kube-system")
        assert found, path
        version, namespace, plural, name = found[1] or "v1", found[2], found[3], found[4]
        if not plural:
            kinds = [{"name": p, "kind": k, "namespaced": k != "Namespace"} for k, p in KINDS[version].items()]
            return 200, {"resources": kinds}
        if plural in self.forbidden:
            return 403, {"reason": "Forbidden", "message": f"{plural} is forbidden"}
        kind = next(kind for kind, known in KINDS[version].items() if known == plural)
        here = [o for o in self.objects if o["kind"] == kind and o["metadata"].get("namespace") == namespace]
        if name:
            named = [o for o in here if o["metadata"]["name"] == name]
            return (200, named[0]) if named else (404, {"reason": "NotFound", "message": f"{name} not found"})
        selector = re.search(r"labelSelector=([^&]*)", query)
        wanted = dict(pair.split("=") for pair in (_plain(selector[1]).split(",") if selector else []))
        return 200, {"items": [o for o in here if wanted.items() <= o["metadata"].get("labels", {}).items()]}

    async def _exec(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        asked = f"{scope['path']}?{_plain(scope['query_string'].decode())}"
        self.commands.append(asked)
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "v4.channel.k8s.io"})
        code, text = next((answer for word, answer in self.answers.items() if word in asked), (0, "well\n"))
        ended = next((told for word, told in self.endings.items() if word in asked), "by its code")
        await send({"type": "websocket.send", "bytes": b"\x01" + text.encode()})
        failed = {"status": "Failure", "details": {"causes": [{"message": str(code)}]}}
        status = yaml.safe_dump(failed if code else {"status": "Success"})
        if ended is None:
            await receive()  # until whoever asked has gone
            return
        told = status if ended == "by its code" else ended
        if told:
            await send({"type": "websocket.send", "bytes": b"\x03" + told.encode()})
        await send({"type": "websocket.close"})


def _plain(text: str) -> str:
    from urllib.parse import unquote_plus  # noqa: PLC0415 one line needs it

    return unquote_plus(text)


@contextmanager
def api_server(settings: Settings, folder: Path) -> Generator[tuple[Cluster, Path]]:
    """Run an API server; give what it knows, and a kubeconfig whose context is `test`."""
    cluster = Cluster(settings, port=free_port())
    cluster.reset()
    server = uvicorn.Server(
        uvicorn.Config(
            cluster,
            host="127.0.0.1",
            port=cluster.port,
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    kubeconfig = folder / "kubeconfig"
    entry = {"cluster": {"server": f"http://127.0.0.1:{cluster.port}"}, "name": "test"}
    context = {"context": {"cluster": "test", "user": "test"}, "name": "test"}
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [entry],
        "contexts": [context],
        "users": [{"name": "test", "user": {}}],
        "current-context": "test",
    }
    kubeconfig.write_text(yaml.safe_dump(document))
    try:
        yield cluster, kubeconfig
    finally:
        server.should_exit = True
        thread.join()
