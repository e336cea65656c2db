"""The workflows for GitHub: linted, least rights, pinned, no secret to forks, commands that a person can run."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from typer.main import get_command

from gx.cli import app
from gx.errors import InputError
from gx.local.binaries import find
from gx.settings.project import ROOT, networks
from tests.conftest import unavailable

FOLDER = ROOT / ".github/workflows"
FILES = sorted(FOLDER.glob("*.yml"))
ACTION = ROOT / ".github/actions/setup/action.yml"
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")
STACK_JOBS = {("preview.yml", "preview"), ("nightly.yml", "drift")}


def loaded(path: Path) -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.load(path.read_text(), yaml.BaseLoader))  # noqa: S506 texts alone: `on` stays `on`


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path in FILES:
        for name, job in loaded(path)["jobs"].items():
            yield path.name, name, job


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for file, name, job in jobs():
        yield from ((f"{file}: {name}", step) for step in job["steps"])
    yield from (("setup", step) for step in loaded(ACTION)["runs"]["steps"])


def linted(*files: Path) -> str:
    try:
        linter = find("actionlint")
    except InputError as error:
        unavailable(str(error))
    shellcheck = ROOT / ".venv/bin/shellcheck"
    command = [str(linter), "-no-color", "-shellcheck", str(shellcheck), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert bool(done.returncode) == bool(done.stdout), done.stderr
    return done.stdout


def audited(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        "zizmor",
        "--offline",
        "--no-progress",
        "--quiet",
        "--config",
        str(ROOT / ".github/zizmor.yml"),
        str(folder),
    ]
    path = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path})


def test_the_linters_have_nothing_to_say() -> None:
    assert linted(*FILES) == ""
    done = audited(ROOT / ".github")
    assert done.returncode == 0, done.stdout


def test_the_linters_notice_a_fault(tmp_path: Path) -> None:
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    text = (FOLDER / "checks.yml").read_text()
    (folder / "a.yml").write_text(text.replace("runs-on: ubuntu-24.04", "runs-on: ubuntu-19.04"))
    assert 'label "ubuntu-19.04" is unknown' in linted(folder / "a.yml")
    injected = text.replace('"$BASE" HEAD', '"${{ github.event.pull_request.title }}" HEAD')
    (folder / "a.yml").write_text(injected)
    assert "template-injection" in audited(tmp_path / ".github").stdout


def test_rights_are_given_job_by_job_and_none_by_default() -> None:
    for path in FILES:
        assert loaded(path)["permissions"] == {}, path.name
    for file, name, job in jobs():
        writes = {key for key, value in job["permissions"].items() if value == "write"}
        allowed = {
            ("preview.yml", "preview"): {"pull-requests"},
            ("deploy.yml", "apply"): {"contents", "pull-requests"},
        }
        assert writes == allowed.get((file, name), set()), f"{file}: {name}"


def test_every_action_is_pinned_to_a_commit_with_its_version_beside() -> None:
    text = "\n".join(path.read_text() for path in [*FILES, ACTION])
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    for action, comment in used:
        assert action == "./.github/actions/setup" or PINNED.fullmatch(action), action
        assert action.startswith("./") or re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


def test_one_run_per_stack_at_a_time() -> None:
    for file, name, job in jobs():
        if (file, name) in STACK_JOBS:
            assert job["concurrency"] == {"group": "stack-${{ matrix.stack }}", "cancel-in-progress": "false"}
            assert sorted(job["strategy"]["matrix"]["stack"]) == networks()
    deploy = loaded(FOLDER / "deploy.yml")
    assert deploy["concurrency"] == {"group": "stack-${{ inputs.stack }}", "cancel-in-progress": "false"}
    assert sorted(deploy["on"]["workflow_dispatch"]["inputs"]["stack"]["options"]) == networks()


def test_no_secret_reaches_a_fork() -> None:
    for file, name, job in jobs():
        on = loaded(FOLDER / file)["on"]
        assert "pull_request_target" not in on, file
        if "secrets." in yaml.safe_dump(job) and "pull_request" in on:
            assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository", name


def test_secrets_come_from_environments_that_people_approve() -> None:
    for file, name, job in jobs():
        if "secrets." in yaml.safe_dump(job):
            assert "environment" in job, f"{file}: {name}"
    writers = [(f, n, j) for f, n, j in jobs() if "secrets.KUBECONFIG }" in yaml.safe_dump(j)]
    assert [(file, name) for file, name, _ in writers] == [("deploy.yml", "apply")]
    assert writers[0][2]["environment"] == "${{ inputs.stack }}"


def test_what_was_reviewed_is_what_is_applied_after_a_fresh_backup_and_proven_afterwards() -> None:
    plan, apply = (loaded(FOLDER / "deploy.yml")["jobs"][name] for name in ("plan", "apply"))
    assert "--save-plan plan.json" in yaml.safe_dump(plan)
    names = [step.get("name", "") for step in apply["steps"]]
    order = [
        names.index(name)
        for name in ("A fresh backup, proven", "Apply the plan", "Prove it", "Record what was verified")
    ]
    assert order == sorted(order)
    applied = apply["steps"][order[1]]["run"]
    assert "--plan plan.json" in applied
    assert "--show-secrets" not in yaml.safe_dump(plan).replace("no --show-secrets", "")
    assert apply["steps"][order[0]]["if"] == "inputs.stack == 'mainnet'"


def commands() -> Iterator[tuple[str, list[str]]]:
    for place, step in steps():
        for line in step.get("run", "").splitlines():
            found = re.search(r"(?:^|\s)(make|\.venv/bin/gx|pulumi|kubectl) .*", line.split(" #")[0])
            if found and not line.strip().startswith("#"):
                yield place, shlex.split(re.split(r" (?:\|\||>|\|) ", found[0].strip())[0])


def problem(words: list[str]) -> str:
    """Return why a person could not run a command."""
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return "" if set(words[1:]) <= set(targets) else f"no target {words[1:]}"
    if words[0] == ".venv/bin/gx":
        known = cast("dict[str, Any]", cast("Any", get_command(app)).commands)
        if words[1] not in known:
            return f"gx has no {words[1]}"
        parameters = cast("list[Any]", known[words[1]].params)
        options = {str(option) for parameter in parameters for option in cast("list[Any]", parameter.opts)}
        return next((f"no option {word}" for word in words[2:] if word.startswith("--") and word not in options), "")
    return ""


def test_every_command_is_one_that_a_person_can_run() -> None:
    found = list(commands())
    assert {words[0] for _, words in found} == {"make", ".venv/bin/gx", "pulumi", "kubectl"}
    for place, words in found:
        assert problem(words) == "", f"{place}: {' '.join(words)}"


@pytest.mark.parametrize(
    "words", [["make", "everything"], [".venv/bin/gx", "verfiy"], [".venv/bin/gx", "verify", "--contxt"]]
)
def test_a_command_that_nobody_can_run_is_noticed(words: list[str]) -> None:
    assert problem(words)


def test_the_cli_is_the_version_that_the_project_asks_for() -> None:
    wanted = re.search(r">=([\d.]+)", loaded(ROOT / "Pulumi.yaml")["requiredPulumiVersion"])
    installed = re.search(r"install-pulumi\.sh ([\d.]+)", ACTION.read_text())
    assert wanted
    assert installed
    assert installed[1] == wanted[1]
