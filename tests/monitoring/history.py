"""Six hours of a network's life as Prometheus would have stored them: what exporters say, and one incident in it.

The incident: MinIO is away for twenty minutes in the fifth hour; uploads fail, a pod restarts, a node is drained.
"""

import math
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from settings.monitoring.rules import rule_file
from settings.settings import Settings
from tests.conftest import tool
from tests.helpers.network import free_port
from tests.monitoring.cases import BACKUP, CRON, DRILL_CRON, EDGE, MINIO, NAMESPACE, PLACE, SERVICE

HOURS = 6
STEP = 30
"""Seconds between samples."""
SPAN = HOURS * 3600
BEGIN, END = 4 * 3600, 4 * 3600 + 1200
"""The incident, in seconds of the six hours."""


@dataclass(frozen=True)
class Told:
    """A series: its name, its labels, and its value after some seconds; a counter is given by its pace a second."""

    name: str
    labels: str
    value: Callable[[float], float]
    counter: bool = False


def bad(second: float) -> bool:
    return BEGIN <= second < END


def wave(mean: float, swing: float, hours: float = 5.0) -> Callable[[float], float]:
    """Return a value that rises and falls, with some unrest."""
    return lambda t: mean + swing * math.sin(t / 3600 / hours * 2 * math.pi) + swing * 0.2 * math.sin(t / 97)


def either(good: float, worse: float) -> Callable[[float], float]:
    return lambda t: worse if bad(t) else good


def saw(period: float) -> Callable[[float], float]:
    """Return the moment, in seconds of the six hours, at which something last succeeded."""
    return lambda t: t - t % period


POD = f'namespace="{NAMESPACE}",container="svc-messaging"'
PLACES = f'namespace="{NAMESPACE}"'
LEVELS = ((0.1, 0.72), (0.5, 0.975), (1, 0.985), (2, 0.995), (10, 1.0))
"""Buckets of the response time, and which share of requests lies below each."""


def service() -> Iterator[Told]:
    """Yield what svc-messaging says, and Kubernetes about its pods."""
    pace = wave(12, 6)
    yield Told("up", SERVICE, lambda _: 1)
    yield Told("up", SERVICE.replace("10.42.0.1", "10.42.1.1"), lambda _: 1)
    for route, share in (("/api/v1/messages", 0.7), ("/api/v1/files", 0.3)):
        failed = 0.9 if route.endswith("files") else 0.04
        ok = f'{SERVICE},method="POST",route="{route}",status="201"'
        lost = f'{SERVICE},method="POST",route="{route}",status="500"'
        yield Told("http_http_requests_total", ok, lambda t, s=share, f=failed: pace(t) * s * (1 - f * bad(t)), True)
        yield Told(
            "http_http_requests_total", lost, lambda t, s=share, f=failed: pace(t) * s * max(f * bad(t), 2e-4), True
        )
    for bound, share in (*LEVELS, ("+Inf", 1.0)):
        labels = f'{SERVICE},method="POST",route="/api/v1/messages",status="201",le="{bound}"'
        slow = 0.88 if bound in {0.1, 0.5, 1} else 1.0
        yield Told(
            "http_http_request_duration_seconds_bucket",
            labels,
            lambda t, s=share, w=slow: pace(t) * s * (w if bad(t) else 1),
            True,
        )
    yield Told("socket_io_connected_sockets", SERVICE, wave(420, 180))
    yield Told("messaging_redis_connected", SERVICE, lambda _: 1)
    for number, pod in enumerate(("svc-messaging-6d4f-a", "svc-messaging-6d4f-b")):
        labels = f'{POD},pod="{pod}"'
        yield Told("container_memory_working_set_bytes", labels, wave((230 + 30 * number) * 2**20, 40 * 2**20))
        yield Told("container_cpu_usage_seconds_total", labels, wave(0.14 + 0.05 * number, 0.06), True)
        yield Told("kube_pod_container_resource_limits", f'{labels},resource="memory"', lambda _: 512 * 2**20)
        yield Told("kube_pod_container_resource_limits", f'{labels},resource="cpu"', lambda _: 0.5)
        restarts = either(0, 2 / 1200 if number else 0)
        yield Told("kube_pod_container_status_restarts_total", labels, restarts, True)


def storage() -> Iterator[Told]:
    """Yield what MinIO, the backup and its CronJobs say."""
    yield Told("up", MINIO, either(1, 0))
    yield Told("minio_cluster_capacity_usable_total_bytes", MINIO, lambda _: 200e9)
    yield Told("minio_cluster_capacity_usable_free_bytes", MINIO, lambda t: 92e9 - t * 3e5)
    for api, share in (("putobject", 2.0), ("getobject", 5.0), ("headobject", 1.0)):
        yield Told(
            "minio_s3_requests_total",
            f'{MINIO},api="{api}"',
            lambda t, s=share: 0 if bad(t) else wave(s, s / 2)(t),
            True,
        )
    yield Told("minio_s3_requests_5xx_errors_total", f'{MINIO},api="putobject"', either(0.002, 0.3), True)
    for run in ("backup", "drill"):
        yield Told("gx_backup_run_success", f'{BACKUP},run="{run}"', lambda _: 1)
    yield Told("gx_backup_status_readable", BACKUP, either(1, 0))
    yield Told("gx_backup_volume_free_bytes", BACKUP, lambda t: 60e9 - t * 2e5)
    yield Told("gx_backup_left_out_objects", BACKUP, lambda _: 0)
    yield Told("gx_backup_bytes", BACKUP, lambda t: 40e9 + (t // 7200) * 9e7)
    yield Told("kube_cronjob_info", CRON, lambda _: 1)
    yield Told("kube_cronjob_spec_suspend", CRON, lambda _: 0)
    yield Told("kube_job_failed", f'{PLACES},job_name="minio-backup-1"', lambda _: 0)
    yield Told("kube_cronjob_status_last_successful_time", CRON, saw(7200))
    yield Told("kube_cronjob_status_last_successful_time", DRILL_CRON, lambda _: -2 * 86400.0)


def surroundings() -> Iterator[Told]:
    """Yield what nodes, quota, certificates, workers, Redis and the edge say."""
    for node in ("srv1089618.hstgr.cloud", "srv1117946.hstgr.cloud", "srv1092158.hstgr.cloud"):
        yield Told("kube_node_status_condition", f'node="{node}",condition="Ready",status="true"', lambda _: 1)
    quota = f'{PLACES},resourcequota="backend-mainnet-quota"'
    for resource, used, hard in (("pods", 31, 50), ("requests.cpu", 9.4, 16), ("limits.memory", 41, 64)):
        yield Told("kube_resourcequota", f'{quota},resource="{resource}",type="hard"', lambda _, h=hard: h)
        yield Told(
            "kube_resourcequota",
            f'{quota},resource="{resource}",type="used"',
            lambda t, u=used: u * (1 + 0.08 * bad(t)),
        )
    for name, days in (("gx-api-tls", 61), ("gx-wallet-tls", 44)):
        yield Told(
            "certmanager_certificate_expiration_timestamp_seconds",
            f'{PLACES},name="{name}"',
            lambda _, d=days: d * 86400.0,
        )
    claim = f'{PLACES},persistentvolumeclaim="minio-pvc",phase="Pending"'
    yield Told("kube_persistentvolumeclaim_status_phase", claim, lambda _: 0)
    yield Told("redis_acl_access_denied_auth_total", PLACE, lambda _: 0, True)
    yield Told("outbox_queue_depth", PLACE, lambda t: max(0, wave(20, 15)(t)) + 90 * bad(t))
    yield Told("projector_lag_blocks", PLACE, lambda t: max(0, wave(1, 1.5)(t)))
    yield Told("ALERTS", 'alertstate="firing",network="mainnet",severity="critical",alertname="x"', either(0, 1))
    for number in (1, 2, 3):
        edge = EDGE.replace("10.42.0.1:1", f"72.60.0.{number}:8404")
        sockets, drained = wave(140, 60), either(1, 0 if number == 3 else 1)
        yield Told("up", edge, lambda _: 1)
        yield Told("haproxy_backend_active_servers", f'{edge},proxy="https"', lambda _: 1)
        yield Told("haproxy_frontend_sessions_total", f'{edge},proxy="https"', lambda t, d=drained: 4 * d(t), True)
        yield Told(
            "haproxy_frontend_current_sessions", f'{edge},proxy="https"', lambda t, d=drained, s=sockets: s(t) * d(t)
        )
        yield Told(
            "haproxy_frontend_bytes_out_total",
            f'{edge},proxy="https"',
            lambda t, d=drained: wave(9e5, 3e5)(t) * d(t),
            True,
        )


MOMENTS = {"kube_cronjob_status_last_successful_time", "certmanager_certificate_expiration_timestamp_seconds"}
"""Series whose value is a point in time."""


def open_metrics(begin: float) -> str:
    """Return six hours of samples that begin at a moment, in OpenMetrics' text format."""
    by_name: dict[str, list[Told]] = {}
    for told in (*service(), *storage(), *surroundings()):
        by_name.setdefault(told.name, []).append(told)
    lines: list[str] = []
    for name, series in by_name.items():
        lines.append(f"# TYPE {name.removesuffix('_total')} {'counter' if name.endswith('_total') else 'unknown'}")
        for told in series:
            total = 0.0
            for second in range(0, SPAN + 1, STEP):
                value = told.value(second)
                total += value * STEP
                shown = total if told.counter else value + (begin if name in MOMENTS else 0)
                lines.append(f"{name}{{{told.labels}}} {shown:.6f} {begin + second:.3f}")
    return "\n".join([*lines, "# EOF", ""])


@contextmanager
def prometheus_with_history(settings: Settings, folder: Path) -> Generator[tuple[str, float]]:
    """Run a Prometheus that has lived through the six hours; give its URL and the moment at which they begin."""
    server, promtool = tool("prometheus", "prometheus"), tool("promtool", "prometheus")
    begin = float(int(time.time()) - SPAN - 120)
    (folder / "samples.txt").write_text(open_metrics(begin))
    data = folder / "data"
    blocks = [promtool, "tsdb", "create-blocks-from"]
    subprocess.run([*blocks, "openmetrics", str(folder / "samples.txt"), str(data)], check=True, capture_output=True)
    (folder / "rules.yml").write_text(yaml.safe_dump(rule_file(settings)))
    with _running(server, folder) as url:
        # Recorded series of the past, which no server evaluates any more.
        span = [f"--start={begin:.0f}", f"--end={begin + SPAN:.0f}", "--eval-interval=60s"]
        rules = [*blocks, "rules", *span, f"--url={url}", f"--output-dir={data}", str(folder / "rules.yml")]
        subprocess.run(rules, check=True, capture_output=True)
    with _running(server, folder) as url:
        yield url, begin


@contextmanager
def _running(server: str, folder: Path) -> Generator[str]:
    (folder / "prometheus.yml").write_text("scrape_configs: []\n")
    url = f"127.0.0.1:{free_port()}"
    command = [server, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (
        (folder / "prometheus.log").open("ab") as log,
        subprocess.Popen([*command, f"--web.listen-address={url}"], stdout=log, stderr=log) as running,
    ):
        try:
            _wait(f"http://{url}/-/ready")
            yield f"http://{url}"
        finally:
            running.terminate()


def _wait(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"{url} did not answer")
