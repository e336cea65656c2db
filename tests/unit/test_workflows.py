"""The workflows for GitHub: linted, least rights, pinned, no secret to forks, commands that a user can run."""

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

from common.errors import InputError
from devcluster.binaries import cache_folder
from gx.cli.main import app
from settings.project import ROOT, networks
from tests.conftest import unavailable
from tools.programs import ACTIONLINT

FOLDER = ROOT / ".github/workflows"
FILES = sorted(FOLDER.glob("*.yml"))
ACTION = ROOT / ".github/actions/setup/action.yml"
PINNED = re.compile(r"([\w-]+/[\w-]+)(?:/[\w-]+)?@([0-9a-f]{40})")
REVIEWED = "github.ref == 'refs/heads/main'"


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
        linter = ACTIONLINT.find("actionlint")
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
    text = (FOLDER / "preview.yml").read_text()
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
            ("preview.yml", "comment"): {"pull-requests"},
            ("deploy.yml", "apply"): {"contents", "pull-requests"},
            ("nightly.yml", "verify"): {"contents", "pull-requests"},
        }
        assert writes == allowed.get((file, name), set()), f"{file}: {name}"


def test_every_action_is_pinned_to_a_commit_with_its_version_beside() -> None:
    text = "\n".join(path.read_text() for path in [*FILES, ACTION])
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    pins: dict[str, set[str]] = {}
    for action, comment in used:
        pinned = PINNED.fullmatch(action)
        assert action == "./.github/actions/setup" or pinned, action
        if pinned:
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
            pins.setdefault(pinned[1], set()).add(pinned[2] + comment)
    assert {name: len(found) for name, found in pins.items()} == dict.fromkeys(pins, 1)


def test_one_run_per_stack_at_a_time_and_none_takes_the_place_of_a_waiting_deployment() -> None:
    deploy = loaded(FOLDER / "deploy.yml")
    assert deploy["concurrency"] == {"group": "stack-${{ inputs.stack }}", "cancel-in-progress": "false"}
    assert sorted(deploy["on"]["workflow_dispatch"]["inputs"]["stack"]["options"]) == networks()
    groups: list[str] = []
    for file, name, job in jobs():
        if "matrix" in job.get("strategy", {}):
            groups.append(job["concurrency"]["group"])
            assert groups[-1].endswith("-${{ matrix.stack }}"), f"{file}: {name}"
            assert sorted(job["strategy"]["matrix"]["stack"]) == networks()
    every = [*groups, *(loaded(path)["concurrency"]["group"] for path in FILES if "concurrency" in loaded(path))]
    prefixes = [group.split("${{")[0] for group in every]
    assert len(set(prefixes)) == len(prefixes) > 3


def secret(job: dict[str, Any]) -> bool:
    return "secrets." in yaml.safe_dump(job)


def test_code_that_nobody_has_reviewed_runs_without_a_secret() -> None:
    for file, name, job in jobs():
        on = loaded(FOLDER / file)["on"]
        assert not {"pull_request_target", "workflow_run"} & set(on), file
        if secret(job) or "environment" in job:
            assert job["if"] == REVIEWED, f"{file}: {name}"
    assert "secrets." not in ACTION.read_text()


def test_what_may_write_on_a_pull_request_runs_nothing_of_it() -> None:
    job = loaded(FOLDER / "preview.yml")["jobs"]["comment"]
    assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert [step["uses"].split("@")[0] for step in job["steps"] if "uses" in step] == ["actions/download-artifact"]
    assert ".venv" not in yaml.safe_dump(job)


def test_secrets_come_from_environments_and_those_that_write_from_one_that_people_approve() -> None:
    for file, name, job in jobs():
        if secret(job):
            writes = (file, name) == ("deploy.yml", "apply")
            assert re.fullmatch(r"\$\{\{ \w+\.stack \}\}" + ("" if writes else "-preview"), job["environment"])
            text = yaml.safe_dump(job)
            for key in ("KUBECONFIG", "STATE_ACCESS_KEY_ID", "STATE_SECRET_ACCESS_KEY", "CLOUDFLARE_TOKEN"):
                assert f"secrets.{key} " not in text or writes, f"{file}: {name}: {key}"
            assert "READER" not in text or not writes, f"{file}: {name}"


def test_what_make_tools_has_built_is_kept_by_what_decides_what_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    tests = loaded(FOLDER / "checks.yml")["jobs"]["test"]["steps"]
    (restore,) = [n for n, step in enumerate(tests) if step.get("uses", "").startswith("actions/cache/restore@")]
    (save,) = [n for n, step in enumerate(tests) if step.get("uses", "").startswith("actions/cache/save@")]
    (built,) = [n for n, step in enumerate(tests) if step.get("run") == "make tools"]
    (first,) = [n for n, step in enumerate(tests) if step.get("run") == "make check"]
    assert restore < built < save < first, "a test that fails does not lose the build"
    for step in (tests[restore], tests[save]):
        assert Path(step["with"]["path"]).expanduser() == cache_folder()
    assert "hashFiles('tools/go/**', 'devcluster/binaries.py')" in tests[restore]["with"]["key"]
    assert tests[save]["with"]["key"] == f"${{{{ steps.{tests[restore]['id']}.outputs.cache-primary-key }}}}"


def test_every_kubectl_names_its_cluster() -> None:
    asked = [words for _, words in commands() if words[0] == "kubectl"]
    assert asked
    assert all("--context" in words for words in asked)


SETTINGS = ROOT / "docs/how-to/set-up-github.md"


def test_every_secret_and_variable_is_in_the_list_of_settings() -> None:
    used = set(re.findall(r"\b(?:secrets|vars)\.(\w+)", "\n".join(path.read_text() for path in FILES)))
    listed = set(re.findall(r"`([A-Z][A-Z_]+)`", SETTINGS.read_text()))
    assert used == listed
    text = SETTINGS.read_text()
    for network in networks():
        assert f"`{network}`" in text
        assert f"`{network}-preview`" in text


def test_what_was_reviewed_is_what_is_applied_after_a_fresh_backup_and_proven_afterwards() -> None:
    plan, apply = (loaded(FOLDER / "deploy.yml")["jobs"][name] for name in ("plan", "apply"))
    assert "--save-plan plan.json" in yaml.safe_dump(plan)
    names = [step.get("name", "") for step in apply["steps"]]
    order = [
        names.index(name) for name in ("A fresh backup, proven", "Apply the plan", "Prove it", "Record what was found")
    ]
    assert order == sorted(order)
    applied = apply["steps"][order[1]]["run"]
    assert "--plan plan.json" in applied
    assert "--show-secrets" not in yaml.safe_dump(plan).replace("no --show-secrets", "")
    assert apply["steps"][order[0]]["if"] == "inputs.stack == 'mainnet'"


def commands() -> Iterator[tuple[str, list[str]]]:
    for location, step in steps():
        for line in step.get("run", "").splitlines():
            found = re.search(r"(?:^|\s)(make|\.venv/bin/gx|pulumi|kubectl) .*", line.split(" #")[0])
            if found and not line.strip().startswith("#"):
                yield location, shlex.split(re.split(r" (?:\|\||>|\|) ", found[0].strip())[0])


def problem(words: list[str]) -> str:
    """Return why a user could not run a command."""
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
    for location, words in found:
        assert problem(words) == "", f"{location}: {' '.join(words)}"


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
