"""Measures the preview, then the engine: ratios of medians in one run, against a process that only imports the SDKs.

Rounds are interleaved, so that a busy machine slows both sides alike. Memory is the peak of the largest process.
"""

import statistics
import subprocess
import sys
from collections.abc import Sequence

from bench.data import data
from bench.difference import difference
from bench.engine import engine
from bench.monitoring import rules
from bench.pods import pods
from bench.report import page
from bench.traffic import traffic
from bench.verification import verification
from settings.project import ROOT

ROUNDS = 7
WITHOUT_CLOUDFLARE = "import pulumi, pulumi_kubernetes, pulumi_random"
IMPORTS = f"{WITHOUT_CLOUDFLARE}, pulumi_cloudflare"
ONE_MODULE = f"""{WITHOUT_CLOUDFLARE}
import importlib.util, sys, types
found = importlib.util.find_spec("pulumi_cloudflare")
package = sys.modules["pulumi_cloudflare"] = types.ModuleType("pulumi_cloudflare")
package.__path__ = found.submodule_search_locations
"""
LATE = """
spec = importlib.util.find_spec("pulumi_cloudflare.outputs")
spec.loader = importlib.util.LazyLoader(spec.loader)
package.outputs = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package.outputs)
"""
ITS_CLASS = "from pulumi_cloudflare.dns_record import DnsRecord"
GX = "from gx.cli.start import main; main()"
START = """
import resource, subprocess, sys, time
started = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
COMMANDS = {
    "bare imports": ["-W", "ignore", "-c", IMPORTS],
    "bare imports without Cloudflare": ["-c", WITHOUT_CLOUDFLARE],
    "Cloudflare: its one module": ["-c", ONE_MODULE + ITS_CLASS],
    "Cloudflare: outputs loaded late": ["-c", ONE_MODULE + LATE + ITS_CLASS],
    "recording mainnet": ["-m", "gx.plan.recorder", "mainnet", "--root", str(ROOT)],
    "gx preview mainnet": ["-c", GX, "preview", "mainnet"],
}
"""What is compared with the imports of the four SDKs; the ways of having Cloudflare's class are those of ADR 3."""


def measure(command: Sequence[str]) -> tuple[float, float]:
    """Return wall seconds and peak MiB of a command: a small process starts it, whose own memory is the least shown."""
    done = subprocess.run([sys.executable, "-S", "-c", START, *command], cwd=ROOT, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f"bench: {' '.join(command)} ended with {done.returncode}")
    seconds, kibibytes = map(float, done.stdout.split())
    return seconds, kibibytes / 1024


def compare() -> None:
    """Print seconds, memory and ratios of recording and preview."""
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, arguments in COMMANDS.items():
            results[name].append(measure([sys.executable, *arguments]))
    medians = {
        name: (statistics.median(s for s, _ in runs), statistics.median(m for _, m in runs))
        for name, runs in results.items()
    }
    base_seconds, base_memory = medians["bare imports"]
    print(f"{'':34}{'seconds':>9}{'ratio':>8}{'MiB':>7}{'ratio':>8}")
    for name, (seconds, memory) in medians.items():
        print(f"{name:34}{seconds:9.2f}{seconds / base_seconds:8.2f}{memory:7.0f}{memory / base_memory:8.2f}")


if __name__ == "__main__":
    compare()
    difference()
    page()
    engine()
    traffic()
    data()
    rules()
    verification()
    pods()
