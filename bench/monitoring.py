"""What the rules of a network cost Prometheus: its own metrics, while 100 services are scraped."""

import subprocess
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import yaml

from common.alerts import SCRAPE_SECONDS
from settings.monitoring.rules import rule_file
from settings.offline import offline_settings
from tests.conftest import tool
from tests.helpers.network import free_port
from tests.monitoring.history import Told, service, storage, surroundings

SERVICES = 100
WARM_SECONDS = 60
MEASURED_SECONDS = 120
SUM, COUNT = "prometheus_rule_group_duration_seconds_sum", "prometheus_rule_group_duration_seconds_count"


def page(began: float, told: list[Told]) -> str:
    """Return what an exporter says now; its counters grow."""
    seconds = time.monotonic() - began
    lines = [
        f"{one.name}{{{one.labels}}} {one.value(seconds) * (seconds if one.counter else 1):.6f}"
        for one in told
        if one.name not in {"up", "ALERTS"}
    ]
    return "\n".join(lines) + "\n"


@contextmanager
def exporter() -> Generator[int]:
    """Serve what a whole network says."""
    began, told = time.monotonic(), [*service(), *storage(), *surroundings()]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page(began, told).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class's name
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def configuration(folder: Path, port: int) -> dict[str, Any]:
    """Return a configuration by which one page stands for 100 services, told apart by their instance."""
    targets = [{"targets": [f"127.0.0.1:{port}"], "labels": {"copy": str(number)}} for number in range(SERVICES)]
    return {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": "15s"},
        "rule_files": [str(folder / "rules.yml")],
        "scrape_configs": [
            {
                "job_name": "services",
                "honor_labels": True,
                "static_configs": targets,
                "relabel_configs": [{"source_labels": ["copy"], "target_label": "instance"}],
                "metric_relabel_configs": [{"source_labels": ["copy"], "target_label": "instance"}],
            }
        ],
    }


def spent(url: str) -> tuple[float, float]:
    """Return seconds that evaluations took so far, and how many there were."""
    text = httpx.get(f"{url}/metrics").text
    values = {line.split(" ")[0]: float(line.split(" ")[1]) for line in text.splitlines() if line.startswith("prom")}
    return values[SUM], values[COUNT]


def rules() -> None:
    """Print the share of a core that Prometheus spends on the rules of mainnet, each group every 15 s."""
    document = rule_file(offline_settings("mainnet"))
    for group in document["groups"]:
        group["interval"] = f"{SCRAPE_SECONDS}s"
    count = sum(len(group["rules"]) for group in document["groups"])
    with tempfile.TemporaryDirectory(prefix="gx-bench-") as name, exporter() as port:
        folder = Path(name)
        (folder / "rules.yml").write_text(yaml.safe_dump(document))
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration(folder, port)))
        address = f"127.0.0.1:{free_port()}"
        command = [tool("prometheus", "prometheus"), f"--config.file={folder / 'prometheus.yml'}"]
        command += [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            try:
                time.sleep(WARM_SECONDS)
                before, began = spent(f"http://{address}"), time.monotonic()
                time.sleep(MEASURED_SECONDS)
                after, ended = spent(f"http://{address}"), time.monotonic()
                series = httpx.get(f"http://{address}/api/v1/status/tsdb").json()["data"]["headStats"]["numSeries"]
            finally:
                running.terminate()
    share = (after[0] - before[0]) / (ended - began)
    print(f"\n{count} rules every {SCRAPE_SECONDS} s over {SERVICES} services ({series} series):")
    print(f"{share:.2%} of a core, {after[1] - before[1]:.0f} evaluations of groups in {ended - began:.0f} s")
