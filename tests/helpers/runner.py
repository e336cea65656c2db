"""GitHub's runner without GitHub: a job's steps in order, each `run:` block in an environment that holds nothing else.

HOME is empty, PATH holds what the runner's image has and what the job's own steps put there, expressions come from the
test. What would reach outside is a fake that writes down its arguments.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from settings.project import ROOT
from tests.helpers.repository import git

SYSTEM = (
    *("awk", "base64", "bash", "basename", "cat", "chmod", "cp", "cut", "date", "dirname", "env", "find", "git"),
    *("grep", "gzip", "head", "id", "ls", "make", "mkdir", "mktemp", "mv", "rm", "sed", "sh", "sha256sum", "sort"),
    *("tail", "tar", "touch", "tr", "uname", "wc", "xargs"),
)
"""What every image of the runner has; it also has Python, without our libraries, and neither uv nor Pulumi."""
IMAGE = ("sudo", "apt-get", "curl", "gh", "kubectl")
"""What the image has and a test must not run."""
PROVIDED = {"actions/setup-python": ("python3",), "astral-sh/setup-uv": ("uv",), "actions/setup-go": ("go",)}
"""What an action puts on PATH."""
HARMLESS = ("actions/cache/restore", "actions/cache/save")

_BODIES = {
    "apt-get": "exit 1",
    "sudo": "exit 1",
    "curl": """for url; do :; done
case "$url" in
*checksums.txt) sha256sum ./*.tar.gz | sed 's| \\./| |' > checksums ;;
*) tar --create --gzip --file "${url##*/}" --directory "$FAKES/archive" pulumi ;;
esac""",
    "pulumi": """case "$1" in
version) echo v0 ;;
install) command -v uv > /dev/null || { echo "error: could not find uv on PATH" >&2; exit 1; } ;;
preview | up | refresh)
  [ "$(cat "$PULUMI_CONFIG_PASSPHRASE_FILE")" = passphrase ] || { echo "error: no passphrase" >&2; exit 1; }
  echo "what the engine says"
  while [ $# -gt 0 ]; do [ "$1" != --save-plan ] || echo '{}' > "$2"; shift; done ;;
esac""",
    "python3": """case "$*" in
"-m pip "*) exec "$FAKES/pip" ;;
*) exec "$PYTHON" "$@" ;;
esac""",
    "uv": """[ "$1" = sync ] || exit 0
project=.
while [ $# -gt 0 ]; do [ "$1" != --project ] || project="$2"; shift; done
cp -R "$FAKES/venv" "$project/.venv" """,
    "gx": """case " $* " in
*" --context "*) [ ! -x "$FAKES/cluster" ] || exec "$FAKES/cluster" "$@" ;;
" diff "* | " preview "*) exec "$GX" "$@" ;;
esac""",
}


@dataclass
class Runner:
    """One runner with an empty workspace.

    Attributes:
        folder: Where everything of it lies.
        source: A repository of the project, which actions/checkout clones.
        values: What an expression stands for; one that is not here fails the test.
        artifacts: Text files by artifact, from jobs before this one; uploads are added.
        ran: The `run:` blocks that were started.
        failed: The first block that failed, and what it said.
    """

    folder: Path
    source: Path
    values: Mapping[str, str]
    artifacts: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    ran: list[str] = field(default_factory=list[str])
    failed: str = ""

    def __post_init__(self) -> None:
        self.fakes, self.image, self.workspace = self.folder / "fakes", self.folder / "image", self.folder / "work"
        self.home, self.temp = self.folder / "home", self.folder / "temp"
        for folder in (self.image, self.workspace, self.home, self.temp, self.fakes / "archive/pulumi"):
            folder.mkdir(parents=True)
        for name in SYSTEM:
            found = shutil.which(name)
            assert found, name
            (self.image / name).symlink_to(found)
        for name in (*IMAGE, "python3"):
            self.fake(self.image / name)
        self.fake(self.fakes / "archive/pulumi/pulumi")
        for name in (
            "gx",
            "ruff",
            "pyright",
            "shellcheck",
            "lint-imports",
            "deptry",
            "codespell",
            "proselint",
            "pytest",
            "python",
        ):
            self.fake(self.fakes / "venv/bin" / name)

    def fake(self, path: Path, body: str | None = None) -> None:
        """Put a program at a path that writes down its arguments, with one thing that it does besides."""
        path.parent.mkdir(parents=True, exist_ok=True)
        told = f'echo "{path.name} $*" >> "{self.fakes}/calls"'
        real = f'GX="{Path(sys.executable).parent / "gx"}"\nPYTHON="{sys.base_prefix}/bin/python3"'
        head = f'#!/bin/sh\nFAKES="{self.fakes}"\n{real}\n{told}\n'
        path.write_text(f"{head}{_BODIES.get(path.name, '') if body is None else body}\n")
        path.chmod(0o755)

    def calls(self, *programs: str) -> list[str]:
        """Return what the named fakes were told, in order."""
        file = self.fakes / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if line.split(" ", 1)[0] in programs]

    @property
    def summary(self) -> str:
        """What the steps wrote on the run's page."""
        file = self.folder / "summary"
        return file.read_text() if file.exists() else ""

    def job(self, workflow: dict[str, Any], name: str) -> None:
        """Run a job of a workflow as it stands in its file; conditions on an outcome are kept, all others hold."""
        job = workflow["jobs"][name]
        common = {**workflow.get("env", {}), **job.get("env", {})}
        for step in job["steps"]:
            if not self.failed or step.get("if", "").startswith("always()"):
                self._step(step, common, {})

    def _step(self, step: dict[str, Any], common: Mapping[str, str], inputs: Mapping[str, str]) -> None:
        if "run" in step:
            environment = {**common, **step.get("env", {})}
            self._run(step, {key: self._value(text, inputs) for key, text in environment.items()})
            return
        action = step["uses"].split("@")[0]
        given = {key: self._value(text, inputs) for key, text in step.get("with", {}).items()}
        if action == "actions/checkout":
            self._checkout()
        elif action == "./.github/actions/setup":
            self._composite(given, common)
        elif action.endswith("load-artifact"):
            self._artifact(action, given)
        else:
            assert action in {*PROVIDED, *HARMLESS}, action
            for name in PROVIDED.get(action, ()):
                self.fake(self.image / name)

    def _artifact(self, action: str, given: Mapping[str, str]) -> None:
        if action == "actions/download-artifact":
            for file, text in self.artifacts[given["name"]].items():
                (self.workspace / file).write_text(text)
        elif not self.failed:
            path = self.workspace / given["path"]
            files = sorted(path.iterdir()) if path.is_dir() else [path]
            self.artifacts[given["name"]] = {file.name: file.read_text() for file in files}

    def _composite(self, given: Mapping[str, str], common: Mapping[str, str]) -> None:
        action = yaml.load((self.workspace / ".github/actions/setup/action.yml").read_text(), yaml.BaseLoader)  # noqa: S506 texts alone
        inputs = {name: given.get(name, one["default"]) for name, one in action["inputs"].items()}
        for step in action["runs"]["steps"]:
            condition = re.fullmatch(r"inputs\.(\w+) (==|!=) '(\w*)'", step["if"]) if "if" in step else None
            if condition and (inputs[condition[1]] == condition[3]) != (condition[2] == "=="):
                continue
            if not self.failed:
                self._step(step, common, inputs)

    def _checkout(self) -> None:
        command = ["git", "clone", "--quiet", str(self.source), str(self.workspace)]
        subprocess.run(command, check=True, capture_output=True)
        packages = self.workspace / "tools/debian-packages.txt"
        lines = packages.read_text().replace("/usr/lib/postgresql/1[3-7]", f"{self.image}/16").splitlines()
        for proof in (line.split()[1] for line in lines[1:]):  # every package is there, so nothing is installed
            self.fake(self.image / "16/bin/postgres" if proof.endswith("postgres") else self.image / Path(proof).name)
        packages.write_text("\n".join(lines).replace("/usr/lib/cni", str(self.image)) + "\n")
        git(self.workspace, "update-index", "--assume-unchanged", "tools/debian-packages.txt")

    def _value(self, text: str, inputs: Mapping[str, str]) -> str:
        known = {**self.values, **{f"inputs.{name}": value for name, value in inputs.items()}}
        filled = re.sub(r"\$\{\{ (.+?) \}\}", lambda found: known[found[1]], text)
        return re.sub(r"^/home/\w+", str(self.home), filled)

    def _run(self, step: dict[str, Any], environment: Mapping[str, str]) -> None:
        self.ran.append(step["run"])
        added = self.folder / "path"
        front = added.read_text().splitlines()[::-1] if added.exists() else []
        script = self.folder / "script.sh"
        script.write_text(step["run"])
        flags = ["--noprofile", "--norc", "-eo", "pipefail"] if step.get("shell") == "bash" else ["-e"]
        done = subprocess.run(
            [str(self.image / "bash"), *flags, str(script)],
            cwd=self.workspace,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
            env={
                "CI": "true",
                "HOME": str(self.home),
                "LANG": "C.UTF-8",
                "PATH": os.pathsep.join([*front, str(self.image)]),
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_PATH": str(added),
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
                **environment,
            },
        )
        if done.returncode and not self.failed:
            self.failed = f"{step.get('name', step['run'])}: {done.stdout}{done.stderr}"


def workflow(name: str) -> dict[str, Any]:
    """Return a workflow as texts: `on` stays `on`."""
    return yaml.load((ROOT / ".github/workflows" / name).read_text(), yaml.BaseLoader)  # noqa: S506
