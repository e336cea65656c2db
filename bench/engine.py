"""Measures the real engine on a local cluster, and adoption: seconds, and ratios to what they build on."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gx.cluster.kubernetes_api import KubernetesApi
from settings.project import ROOT

GX = [sys.executable, "-c", "from gx.cli.start import main; main()"]
STACK = "mainnet"
ROUNDS = 5
OBJECTS = 1000


def _seconds(*command: str, **environment: str) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        [*GX, *command], cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    if done.returncode not in (0, 3):
        sys.exit(f"bench: gx {' '.join(command)}: {done.stderr}")
    return time.perf_counter() - started


def engine() -> None:
    """Print how long a network takes from nothing, a second `up`, the recorder, and adoption of a large namespace."""
    folder = Path(tempfile.mkdtemp(prefix="gx-bench-"))
    data = ("--data", str(folder / "data"))
    try:
        first = _seconds("local", "up", STACK, *data)
        again: list[float] = []
        recorded: list[float] = []
        for _ in range(ROUNDS):
            again.append(_seconds("local", "up", STACK, *data))
            recorded.append(_seconds("preview", STACK))
        second, preview = statistics.median(again), statistics.median(recorded)
        print(f"\n{'engine and plugins, ' + STACK:44}{'seconds':>9}{'ratio':>8}")
        print(f"{'gx preview (recorder and checks)':44}{preview:9.2f}{1:8.2f}")
        print(f"{'gx local up, nothing to change':44}{second:9.2f}{second / preview:8.2f}")
        print(f"{'gx local up, from built binaries to ready':44}{first:9.2f}{first / preview:8.2f}")
        _adoption(folder / "data")
    finally:
        _seconds("local", "down", *data)
        shutil.rmtree(folder)


def _adoption(data: Path) -> None:
    """Print how long `gx adopt` takes with a thousand objects more, and how much of it the lists are."""
    api = KubernetesApi.connect(data / "kubeconfig")
    namespace = f"backend-{STACK}"
    for number in range(OBJECTS):
        metadata = {"name": f"by-hand-{number}", "namespace": namespace}
        api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": "value" * 50}})
    code = "import time; from pathlib import Path; from gx.cluster.kubernetes_api import KubernetesApi; "
    code += "from gx.adoption.live import read_live; from settings.offline import offline_settings; import sys; "
    code += "api = KubernetesApi.connect(Path(sys.argv[1])); s = offline_settings(sys.argv[2]); "
    code += "t = time.perf_counter(); read_live(api, s, None); print(time.perf_counter() - t)"
    command = [sys.executable, "-c", code, str(data / "kubeconfig"), STACK]
    lists: list[float] = []
    whole: list[float] = []
    for _ in range(ROUNDS):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        lists.append(float(done.stdout))
        whole.append(_seconds("adopt", STACK, "--context", "gx-local", KUBECONFIG=str(data / "kubeconfig")))
    listed, adopted = statistics.median(lists), statistics.median(whole)
    print(f"\ngx adopt, {OBJECTS} objects more: {adopted:.2f} s, of which reading the namespace {listed:.2f} s")


if __name__ == "__main__":
    engine()
