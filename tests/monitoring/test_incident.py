"""An incident played: a real Prometheus scrapes what the exporters would say, a real Alertmanager tells somebody.

The rules are those of mainnet's Plan, at their real pace; all faults begin at the same moment.
"""

import json
import subprocess
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from common.alerts import SCRAPE_SECONDS
from common.plan import Plan
from settings.monitoring.rules import groups
from settings.offline import offline_settings
from tests.conftest import tool
from tests.helpers.mutate import find
from tests.helpers.network import free_port
from tests.monitoring.test_alertmanager import CONFIG

GROUP_WAIT = 10
SLACK = 40
"""A busy machine, and the moment between two looks."""
NAMESPACE = "backend-mainnet"


@dataclass
class Exporters:
    """What every target answers; None is a target that is down."""

    pages: dict[str, str | None]

    def text(self, path: str) -> str | None:
        """Return a page; its counters grow with time."""
        page = self.pages.get(path)
        return None if page is None else page.replace("NOW", f"{time.time() * 10:.0f}")


class Told:
    """What the receivers were told, with the time."""

    def __init__(self) -> None:
        self.messages: list[tuple[float, str, str]] = []

    def first(self, receiver: str, words: str, after: float = 0) -> float | None:
        """Return when a receiver first heard some words."""
        return next((at for at, who, text in self.messages if who == receiver and words in text and at > after), None)


@contextmanager
def serving(handle: Any) -> Generator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            handle(self)

        def do_POST(self) -> None:
            handle(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class's name
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


TARGETS = {
    "/svc-messaging": {"app": "svc-messaging", "kubernetes_namespace": NAMESPACE},
    "/minio": {"app": "minio", "kubernetes_namespace": NAMESPACE},
    "/edge-1": {"app": "edge-proxy", "kubernetes_namespace": "gx-edge-mainnet"},
    "/state": {"job": "kube-state-metrics"},
    "/outbox": {"job": "gx-outbox-submitter", "kubernetes_namespace": NAMESPACE},
}
HEALTHY: dict[str, str | None] = {
    "/svc-messaging": 'http_http_requests_total{status="200",route="/a"} NOW\n',
    "/minio": "minio_cluster_capacity_usable_free_bytes 50\nminio_cluster_capacity_usable_total_bytes 100\n",
    "/edge-1": 'haproxy_backend_active_servers{proxy="https"} 1\nhaproxy_frontend_sessions_total{proxy="https"} NOW\n',
    "/state": f'kube_namespace_created{{namespace="{NAMESPACE}"}} 1\n'
    f'kube_cronjob_info{{namespace="{NAMESPACE}",cronjob="minio-backup"}} 1\n'
    'kube_node_status_condition{node="srv1089618.hstgr.cloud",condition="Ready",status="true"} 1\n',
    "/outbox": "outbox_queue_depth 0\n",
}
BROKEN: dict[str, str | None] = {
    **HEALTHY,
    "/minio": None,
    "/svc-messaging": 'http_http_requests_total{status="500",route="/a"} NOW\n',
    "/edge-1": 'haproxy_backend_active_servers{proxy="https"} 0\nhaproxy_frontend_sessions_total{proxy="https"} NOW\n',
}


@dataclass
class World:
    """The running parts."""

    exporters: Exporters
    told: Told
    prometheus: str
    alertmanager: str

    def firing(self) -> set[str]:
        """Return the alerts that Prometheus raises."""
        answer = httpx.get(f"{self.prometheus}/api/v1/alerts").json()
        return {a["labels"]["alertname"] for a in answer["data"]["alerts"] if a["state"] == "firing"}

    def silenced(self) -> set[str]:
        """Return the alerts that Alertmanager holds back because of others."""
        answer = httpx.get(f"{self.alertmanager}/api/v2/alerts").json()
        return {alert["labels"]["alertname"] for alert in answer if alert["status"]["inhibitedBy"]}


@pytest.fixture(scope="module")
def world(plans: dict[str, Plan], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run exporters, Prometheus with the Plan's rules, Alertmanager with the handed-over file, and receivers."""
    prometheus, alertmanager = (
        tool("prometheus", "prometheus"),
        tool("prometheus-alertmanager", "prometheus-alertmanager"),
    )
    folder = tmp_path_factory.mktemp("incident")
    exporters, told = Exporters(dict(HEALTHY)), Told()

    def export(request: BaseHTTPRequestHandler) -> None:
        text = exporters.text(request.path)
        request.send_response(503 if text is None else 200)
        request.end_headers()
        request.wfile.write((text or "").encode())

    def hear(request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"])).decode()
        for attachment in json.loads(body)["attachments"]:
            told.messages.append(
                (time.monotonic(), request.path.strip("/"), f"{attachment['title']} {attachment['text']}")
            )
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"ok")

    with ExitStack() as left:
        exporter_port = left.enter_context(serving(export))
        receiver_port = left.enter_context(serving(hear))
        ports = free_port(), free_port()
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        config = CONFIG.read_text().replace("/etc/alertmanager/receivers", str(folder))
        (folder / "alertmanager.yml").write_text(config)
        for name in ("page", "day", "watchdog"):
            (folder / name).write_text(f"http://127.0.0.1:{receiver_port}/{name}")
        rules = find(plans["mainnet"], "ConfigMap", "prometheus-messaging-alerts-mainnet").inputs["data"]
        (folder / "rules.yml").write_text(rules["messaging-alerts.yml"])
        scrape = [
            {
                "job_name": path.strip("/"),
                "metrics_path": path,
                "static_configs": [{"targets": [f"127.0.0.1:{exporter_port}"], "labels": labels}],
            }
            for path, labels in TARGETS.items()
        ]
        document = {
            "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": "15s"},
            "rule_files": [str(folder / "rules.yml")],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{ports[1]}"]}]}]},
            "scrape_configs": scrape,
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(document))
        _start(
            left,
            folder / "alertmanager.log",
            [
                alertmanager,
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'am'}",
                f"--web.listen-address=127.0.0.1:{ports[1]}",
                "--cluster.listen-address=",
            ],
        )
        _start(
            left,
            folder / "prometheus.log",
            [
                prometheus,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{ports[0]}",
            ],
        )
        found = World(exporters, told, *urls)
        _wait(lambda: _answers(found), 60)
        yield found


def _start(left: ExitStack, log: Path, command: list[str]) -> None:
    out = left.enter_context(log.open("wb"))
    child = left.enter_context(subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT))
    left.callback(child.terminate)


def _answers(world: World) -> bool:
    try:
        ready = httpx.get(f"{world.prometheus}/-/ready").is_success
        return ready and httpx.get(f"{world.alertmanager}/-/ready").is_success
    except httpx.HTTPError:
        return False


def _wait(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become so"
        time.sleep(0.5)


def bound(name: str) -> float:
    """Return the seconds within which a critical alert must reach its receiver.

    A scrape to see it, its own wait, two evaluations of its group, Alertmanager's wait for the group.
    """
    for group in groups(offline_settings("mainnet")):
        for alert in group.alerts:
            if alert.name == name:
                return SCRAPE_SECONDS + alert.seconds + 2 * group.interval + GROUP_WAIT + SLACK
    raise AssertionError(name)


FAULTS = ("MinIOServiceDown", "MessagingCriticalErrorRate", "EdgeControllerUnreachable")


@pytest.mark.timeout(900)
@pytest.mark.soak
def test_an_incident_from_the_first_fault_to_the_last_word(world: World) -> None:
    _wait(lambda: world.firing() == {"AlertingWatchdog"} and world.told.first("watchdog", "AlertingWatchdog"), 150)
    assert not [m for m in world.told.messages if m[1] != "watchdog"], "nobody is told of a healthy platform"

    began = time.monotonic()
    world.exporters.pages.update(BROKEN)
    heard: dict[str, float] = {}
    longest = max(bound(name) for name in FAULTS)
    while len(heard) < len(FAULTS) and time.monotonic() < began + longest + 60:
        for name in FAULTS:
            if name not in heard and (at := world.told.first("page", name)) is not None:
                heard[name] = at - began
        time.sleep(0.5)
    for name in FAULTS:
        assert heard[name] <= bound(name), f"{name}: {heard[name]:.0f} s, {bound(name):.0f} s were promised"
    paged = [text for _, who, text in world.told.messages if who == "page"]
    for service in ("minio", "messaging", "platform"):
        assert any(text.startswith(f"FIRING mainnet {service} ") for text in paged), "one message per service"
    _wait(lambda: "MessagingHighErrorRate" in world.firing(), 300)
    _wait(lambda: "MessagingHighErrorRate" in world.silenced(), 60)
    assert world.told.first("day", "MessagingHighErrorRate") is None, "its critical alert speaks for it"

    fixed = time.monotonic()
    world.exporters.pages.update(HEALTHY)
    _wait(lambda: world.told.first("page", "RESOLVED", fixed) is not None, 420)
