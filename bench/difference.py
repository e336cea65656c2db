"""What `gx diff` of two revisions costs, against a preview of each network; and a second time, from what was kept."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from settings.project import ROOT, networks
from tests.helpers.repository import commit, repository

ROUNDS = 3
GX = "from gx.cli.start import main; main()"


def difference() -> None:
    """Print seconds and ratios."""
    seconds: dict[str, list[float]] = {"previews": [], "diff": [], "again": []}
    with tempfile.TemporaryDirectory(prefix="gx-bench-") as name:
        clone = repository(Path(name) / "clone")
        path = clone / "Pulumi.testnet.yaml"
        path.write_text(path.read_text().replace("soakHours: 24", "soakHours: 12"))
        commit(clone, "another time")
        for number in range(ROUNDS):
            cache = {"XDG_CACHE_HOME": f"{name}/cache-{number}"}
            seconds["previews"].append(sum(_timed(ROOT, "preview", stack) for stack in networks()))
            seconds["diff"].append(_timed(clone, "diff", "HEAD~1", "HEAD", **cache))
            seconds["again"].append(_timed(clone, "diff", "HEAD~1", "HEAD", **cache))
    median = {key: statistics.median(values) for key, values in seconds.items()}
    print(f"\n{'':34}{'seconds':>9}{'ratio':>8}")
    for key, words in (("previews", "three previews"), ("diff", "gx diff, two revisions"), ("again", "the same again")):
        print(f"{words:34}{median[key]:9.2f}{median[key] / median['previews']:8.2f}")


def _timed(folder: Path, *arguments: str, **env: str) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-c", GX, *arguments]
    subprocess.run(command, cwd=folder, env={**os.environ, **env}, capture_output=True, check=True)
    return time.perf_counter() - began
