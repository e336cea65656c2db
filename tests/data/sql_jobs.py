"""The Jobs of the database as the Plan mounts them, run against a real server."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from common.plan import Plan
from common.pods import pods

Query = Callable[[str], list[str]]


class Job:
    """A Job of the Plan: its files in a folder, its command and environment."""

    def __init__(self, plan: Plan, name: str, folder: Path) -> None:
        pod = next(pod for pod in pods(plan) if pod.owner.object_name.startswith(name))
        container = pod.containers[0]
        config = next(c for c in plan.of_kind("ConfigMap") if c.object_name == pod.owner.object_name)
        folder.mkdir()
        for file, text in config.inputs["data"].items():
            (folder / file).write_text(text.replace("/scripts/", f"{folder}/"))
        self.command = [part.replace("/scripts/", f"{folder}/") for part in container["command"]]
        self.env = {
            e["name"]: e.get("value", "")
            for e in container["env"]
            if "valueFrom" not in e and not e["name"].startswith("PG")
        }
        self.env["POD_NAMESPACE"] = pod.owner.namespace

    def start(self, database: dict[str, str], **extra: str) -> subprocess.Popen[str]:
        """Start it without waiting."""
        env = {**database, **self.env, **extra}
        return subprocess.Popen(self.command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, database: dict[str, str], **extra: str) -> tuple[int, str]:
        """Run it; return exit code and what it printed."""
        with self.start(database, **extra) as running:
            output, _ = running.communicate(timeout=60)
        return running.returncode, output
