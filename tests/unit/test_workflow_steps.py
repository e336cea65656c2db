"""Every `run:` block of every workflow is run, in a clean environment, as far as this machine can: see the runner."""

import functools
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from settings.project import ROOT, networks
from tests.helpers.repository import commit, git, repository
from tests.helpers.runner import Runner, workflow

Done = Callable[[str, str], Runner]
WORKFLOWS = sorted(path.name for path in (ROOT / ".github/workflows").glob("*.yml"))
JOBS = [(file, name) for file in WORKFLOWS for name in workflow(file)["jobs"]]
NOT_RUN: dict[str, str] = {}
"""Blocks that cannot run here, each with its reason."""

VALUES = {
    "inputs.stack": "mainnet",
    "matrix.stack": "testnet",
    "runner.os": "Linux",
    "hashFiles('tools/go/**', 'devcluster/binaries.py')": "0a",
    "steps.built.outputs.cache-primary-key": "tools-Linux-0a",
    "github.token": "token-of-the-run",
    "github.run_id": "7",
    "github.repository": "gx/infra",
    "github.event.pull_request.number": "12",
    "github.event.pull_request.base.sha": "HEAD~1",
    "vars.STATE_URL": "s3://state?region=eu",
    "vars.KUBE_CONTEXT": "prod",
    "secrets.KUBECONFIG": "kubeconfig that writes",
    "secrets.KUBECONFIG_READER": "kubeconfig that reads",
    "secrets.PULUMI_PASSPHRASE": "passphrase",
    "secrets.STATE_ACCESS_KEY_ID": "writer",
    "secrets.STATE_SECRET_ACCESS_KEY": "writer's secret",
    "secrets.STATE_READER_ACCESS_KEY_ID": "reader",
    "secrets.STATE_READER_SECRET_ACCESS_KEY": "reader's secret",
    "secrets.CLOUDFLARE_TOKEN": "token that writes",
    "secrets.CLOUDFLARE_TOKEN_READER": "token that reads",
}
BEFORE = {"diff": {"diff.md": "what changes\n"}, "plan": {"plan.json": "{}"}}
"""What the jobs before have uploaded."""

IN_PRODUCTION = "kubectl --context prod -n backend-mainnet"
LOGIN, INSTALL = "pulumi login s3://state?region=eu", "pulumi install"
PREVIEW = "preview -s {} --policy-pack policy {}--diff --color never"
OUTSIDE = {
    ("checks.yml", "test"): [],
    ("preview.yml", "diff"): [],
    ("preview.yml", "comment"): [
        "gh pr comment 12 --repo gx/infra --edit-last --create-if-none --body-file comment.md"
    ],
    ("preview.yml", "engine"): [LOGIN, INSTALL, "pulumi " + PREVIEW.format("testnet", "")],
    ("deploy.yml", "plan"): [LOGIN, INSTALL, "pulumi " + PREVIEW.format("mainnet", "--save-plan plan.json ")],
    ("deploy.yml", "apply"): [
        f"{IN_PRODUCTION} create job --from=cronjob/minio-backup minio-backup-before-7",
        f"{IN_PRODUCTION} wait --for=condition=complete --timeout=50m job/minio-backup-before-7",
        "gx backups mainnet --context prod",
        LOGIN,
        INSTALL,
        "pulumi up -s mainnet --yes --skip-preview --policy-pack policy --plan plan.json",
        "gx verify mainnet --context prod --deadline 300 --junit verify.xml",
    ],
    ("nightly.yml", "drift"): [
        LOGIN,
        INSTALL,
        "pulumi refresh -s testnet --preview-only --expect-no-changes --diff",
        "gx check testnet --context prod",
        "gx backups testnet --context prod",
    ],
    ("nightly.yml", "verify"): ["gx verify testnet --context prod --deadline 300 --junit verify.xml"],
}
"""What each job asks of the engine, the cluster and GitHub, word for word, when `gx verify` has nothing to record."""
OFFLINE = ("gx check", "gx check --server", "gx schema --check", "pulumi version")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository of the project whose last commit changes testnet."""
    folder = repository(tmp_path_factory.mktemp("source"))
    stack = folder / "Pulumi.testnet.yaml"
    stack.write_text(f"{stack.read_text()}# another line\n")
    commit(folder, "a change")
    return folder


def started(folder: Path, source: Path) -> Runner:
    new = Runner(folder / "runner", source, VALUES, {name: dict(files) for name, files in BEFORE.items()})
    verified(new, 'echo "<testsuites/>" > verify.xml')
    return new


@pytest.fixture
def runner(tmp_path: Path, source: Path) -> Runner:
    return started(tmp_path, source)


@pytest.fixture(scope="module")
def done(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Return what gives the runner of a job that ran to its end, once for all tests that only look at it."""

    @functools.cache
    def run(file: str, job: str) -> Runner:
        new = started(tmp_path_factory.mktemp(job), source)
        new.job(workflow(file), job)
        return new

    return run


def verified(runner: Runner, body: str) -> None:
    """Say what the commands do that ask a cluster."""
    runner.fake(runner.fakes / "cluster", f'[ "$1" != verify ] || {{ {body}; }}')


def blocks(file: str, job: str) -> list[str]:
    steps: list[dict[str, Any]] = workflow(file)["jobs"][job]["steps"]
    return [step["run"] for step in steps if "run" in step]


def outside(runner: Runner) -> list[str]:
    calls = runner.calls("pulumi", "kubectl", "gh", "gx", "docker", "sudo", "apt-get")
    return [call for call in calls if call not in OFFLINE and not call.startswith(("gx diff ", "gx preview "))]


@pytest.mark.parametrize(("file", "job"), JOBS, ids=[f"{file}-{job}" for file, job in JOBS])
def test_every_block_runs_where_nothing_but_the_job_has_set_anything_up(done: Done, file: str, job: str) -> None:
    runner = done(file, job)
    assert runner.failed == ""
    assert set(blocks(file, job)) - set(runner.ran) == set(blocks(file, job)) & set(NOT_RUN)
    assert outside(runner) == OUTSIDE[file, job]


def test_what_is_not_run_is_a_block_and_has_a_reason() -> None:
    every = {block for file, job in JOBS for block in blocks(file, job)}
    assert set(NOT_RUN) <= every
    assert all(len(reason.split()) > 3 for reason in NOT_RUN.values())
    assert set(OUTSIDE) == set(JOBS)


def test_what_a_job_takes_from_another_one_is_what_that_one_has_left() -> None:
    for file, name in JOBS:
        jobs = workflow(file)["jobs"]
        for step in jobs[name]["steps"]:
            if step.get("uses", "").startswith("actions/download-artifact@"):
                left = [one.get("with", {}).get("name") for one in jobs[jobs[name]["needs"]]["steps"]]
                assert step["with"]["name"] in left


def test_the_set_up_installs_the_locked_packages_the_engine_and_keys_that_nobody_else_can_read(done: Done) -> None:
    runner = done("nightly.yml", "drift")
    assert runner.calls("uv")[0].startswith("uv sync --quiet --frozen")
    for name, text in ((".kube/config", "kubeconfig that reads"), (".gx/passphrase", "passphrase")):
        assert (runner.home / name).read_text() == text
        assert stat.S_IMODE((runner.home / name).stat().st_mode) == 0o600
    assert (runner.temp / "pulumi/pulumi").exists()
    assert not any("passphrase" in call or "kubeconfig" in call for call in runner.calls("uv", "pulumi", "gx", "curl"))


def test_without_uv_on_path_the_engine_s_jobs_end_there(runner: Runner) -> None:
    runner.source = shutil.copytree(runner.source, runner.folder / "source")
    path = runner.source / ".github/actions/setup/action.yml"
    action = yaml.load(path.read_text(), yaml.BaseLoader)  # noqa: S506 texts alone
    action["runs"]["steps"] = [one for one in action["runs"]["steps"] if "setup-uv" not in one.get("uses", "")]
    path.write_text(yaml.safe_dump(action))
    commit(runner.source, "no uv")
    runner.fake(runner.folder / "uv")
    install = f'mkdir -p .tools/uv.part/bin; cp "{runner.folder}/uv" .tools/uv.part/bin'
    runner.fake(runner.fakes / "pip", install)  # where make puts it when it is not on PATH
    runner.job(workflow("preview.yml"), "engine")
    assert "could not find uv on PATH" in runner.failed


def test_make_reaches_its_programs_with_the_runner_s_own_python_and_uv(done: Done) -> None:
    runner = done("checks.yml", "test")
    calls = runner.calls("uv", "ruff", "pyright", "shellcheck", "pytest", "python", "gx")
    assert "pytest " in calls
    assert "python -m tools.programs" in calls
    assert "python -m tools.scan" in calls
    assert "pyright " in calls
    assert any(call.startswith("uv sync --quiet --frozen --project policy") for call in calls)


def test_the_pages_and_the_diff_are_made_without_any_secret(done: Done) -> None:
    runner = done("preview.yml", "diff")
    assert set(runner.artifacts["reports"]) == {f"{network}.html" for network in networks()}
    assert "testnet" in runner.artifacts["diff"]["diff.md"]
    assert runner.artifacts["diff"]["diff.md"] == runner.summary
    assert not (runner.home / ".kube").exists()


def test_the_comment_fits_into_one(runner: Runner) -> None:
    runner.artifacts["diff"]["diff.md"] = "x" * 70_000
    runner.job(workflow("preview.yml"), "comment")
    assert (runner.workspace / "comment.md").stat().st_size == 60_000


@pytest.mark.parametrize(("file", "job"), [("preview.yml", "engine"), ("deploy.yml", "plan")])
def test_a_preview_that_fails_says_why_and_fails(runner: Runner, file: str, job: str) -> None:
    runner.fake(
        runner.fakes / "archive/pulumi/pulumi", 'case "$1" in preview) echo "error: a policy refuses"; exit 255 ;; esac'
    )
    runner.job(workflow(file), job)
    assert runner.failed
    assert "error: a policy refuses" in runner.summary


FOUND = "networks/{}/verified.yaml"


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize(
    ("job", "stack"), [(("deploy.yml", "apply"), "mainnet"), (("nightly.yml", "verify"), "testnet")]
)
def test_what_was_verified_is_proposed_whether_it_passed_or_failed(
    runner: Runner, source: Path, job: tuple[str, str], stack: str, code: int
) -> None:
    runner.source = shutil.copytree(source, runner.folder / "origin")  # its clones push there
    verified(runner, f'echo "code: {code}" > {FOUND.format(stack)}; echo "<testsuites/>" > verify.xml; exit {code}')
    runner.job(workflow(job[0]), job[1])
    assert bool(runner.failed) == bool(code)
    branch = f"verified/{stack}"
    assert git(runner.source, "show", f"{branch}:{FOUND.format(stack)}") == f"code: {code}"
    assert git(runner.source, "diff", "--name-only", "main", branch) == FOUND.format(stack)
    first, listed, created = runner.calls("gh")
    assert first == "gh auth setup-git"
    assert listed.startswith(f"gh pr list --head {branch} --state open")
    assert created.startswith(f"gh pr create --base main --head {branch} --title {stack}: what gx verify found --body ")


def test_a_record_that_nobody_has_merged_is_replaced_and_its_request_stays_the_only_one(
    runner: Runner, source: Path
) -> None:
    runner.source = shutil.copytree(source, runner.folder / "origin")
    git(runner.source, "switch", "--quiet", "--create", "verified/testnet")
    (runner.source / "old").write_text("of another night\n")
    commit(runner.source, "testnet: what gx verify found")
    git(runner.source, "switch", "--quiet", "main")
    verified(runner, f'echo "new: true" > {FOUND.format("testnet")}; echo "<testsuites/>" > verify.xml')
    runner.fake(runner.image / "gh", 'case "$*" in "pr list"*) echo 31 ;; esac')
    runner.job(workflow("nightly.yml"), "verify")
    assert runner.failed == ""
    assert git(runner.source, "show", f"verified/testnet:{FOUND.format('testnet')}") == "new: true"
    assert git(runner.source, "log", "--format=%s", "main..verified/testnet") == "testnet: what gx verify found"
    assert not any(call.startswith("gh pr create") for call in runner.calls("gh"))
