"""`gx diff` over real git revisions: each one's own program, recorded once, mistakes in one line."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from settings.project import ROOT
from tests.helpers.command import one_line, run_gx
from tests.helpers.fake_api import UID, fake_api, write_kubeconfig
from tests.helpers.repository import commit, git, repository

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with a change of one network in its second commit and a page of text in its third."""
    folder = repository(tmp_path_factory.mktemp("clone"))
    path = folder / "Pulumi.testnet.yaml"
    path.write_text(
        path.read_text().replace("gx-infra:projectionLagThresholdMs:", "gx-infra:projectionLagThresholdMs: 1")
    )
    text = path.read_text()
    assert "projectionLagThresholdMs: 1 " in text
    path.write_text(text.replace("projectionLagThresholdMs: 1 ", "projectionLagThresholdMs: 1"))
    commit(folder, "another threshold on testnet")
    (folder / "README.md").write_text("nothing about networks\n")
    commit(folder, "a page")
    return folder


@pytest.fixture(scope="module")
def other_program(clone: Path) -> tuple[str, str]:
    """Return two commits that differ in the program alone."""
    before = git(clone, "rev-parse", "HEAD")
    git(clone, "checkout", "--quiet", "--detach")
    path = clone / "common/naming.py"
    text = path.read_text()
    assert 'MINIO_PVC = "minio-pvc"' in text
    path.write_text(text.replace('MINIO_PVC = "minio-pvc"', 'MINIO_PVC = "minio-other"'))
    after = commit(clone, "another claim")
    git(clone, "checkout", "--quiet", "main")
    return before, after


@pytest.fixture
def run(clone: Path, tmp_path: Path) -> Run:
    def start(
        *arguments: str, cwd: Path = clone, first: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), **variables}
        return run_gx("diff", *arguments, cwd=cwd, env=env, first=first)

    return start


def test_what_a_change_does_to_each_network_and_nothing_is_recorded_twice(run: Run) -> None:
    done = run("HEAD~2", "HEAD")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "devnet: no change" in lines
    assert "mainnet: no change" in lines
    assert any(line.startswith("testnet: ") and "to update" in line for line in lines)
    assert any("! restart: Deployment/svc-messaging 1 pod" in line for line in lines)
    assert any("data.PROJECTION_LAG_THRESHOLD_MS" in line for line in lines)
    again = run("HEAD~2", "HEAD")
    assert again.stdout == done.stdout
    assert again.stderr.count("unchanged since it was recorded") == 6
    assert ": recorded" not in again.stderr


@pytest.mark.parametrize("variable", ["PYTHONSAFEPATH", "PYTHONPATH"])
def test_no_variable_hides_that_a_revision_has_another_program(
    run: Run, other_program: tuple[str, str], variable: str
) -> None:
    """The command may be this checkout's all the same; nothing false stays behind for a run without the variable."""
    value = {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT)}[variable]
    done = run(*other_program, "devnet", **{variable: value})
    assert "PersistentVolumeClaim/minio-other" in done.stdout, done.stderr
    again = run(*other_program, "devnet")
    assert again.stdout == done.stdout


def test_a_plan_that_was_recorded_in_another_way_is_not_read(run: Run) -> None:
    run("HEAD", "HEAD", "devnet")
    assert run("HEAD", "HEAD", "devnet").stderr.count("unchanged since it was recorded") == 2
    other = "import gx.diff.revisions\ngx.diff.revisions.STARTER += '#'\n"
    assert "unchanged since it was recorded" not in run("HEAD", "HEAD", "devnet", first=other).stderr


def test_a_commit_that_touches_no_network_records_nothing_anew(run: Run) -> None:
    run("HEAD~1", "HEAD~1", "devnet")
    done = run("HEAD~1", "HEAD", "devnet")
    assert done.stdout == "devnet: no change\n"
    assert done.stderr.count("unchanged since it was recorded") == 2


def test_the_files_as_they_are_against_the_last_commit(run: Run, clone: Path) -> None:
    path = clone / "Pulumi.devnet.yaml"
    kept = path.read_text()
    path.write_text(kept.replace("retentionDays: 7", "retentionDays: 9"))
    try:
        done = run("devnet")
    finally:
        path.write_text(kept)
    assert done.returncode == 0, done.stderr
    assert '"RETENTION_DAYS"' in done.stdout or "RETENTION_DAYS" in done.stdout
    assert "testnet" not in done.stdout


def test_a_change_of_what_is_guarded_ends_with_3(run: Run, clone: Path) -> None:
    path = clone / "Pulumi.mainnet.yaml"
    kept = path.read_text()
    path.write_text(kept.replace("kind: StatefulSet\n", "kind: Deployment\n"))
    try:
        done = run("HEAD", "mainnet", "--markdown")
    finally:
        path.write_text(kept)
    assert done.returncode == 3, done.stderr
    assert "2 protected: mainnet: Deployment/minio, mainnet: StatefulSet/minio" in done.stderr
    assert "**protected**" in done.stdout


def test_a_network_that_is_new_is_created(run: Run, clone: Path) -> None:
    text = (clone / "Pulumi.testnet.yaml").read_text().replace("testnet", "qanet")
    (clone / "Pulumi.qanet.yaml").write_text(text.replace("environment: qanet", "environment: testnet"))
    folder = clone / "networks/qanet"
    folder.mkdir()
    for file in (clone / "networks/testnet").glob("*.yaml"):
        (folder / file.name).write_text(file.read_text().replace("testnet", "qanet"))
    try:
        done = run("HEAD", "qanet", "--json")
    finally:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        (clone / "Pulumi.qanet.yaml").unlink()
    (network,) = json.loads(done.stdout)["networks"]
    assert {change["action"] for change in network["changes"]} == {"create"}
    assert len(network["changes"]) > 80


def test_two_networks_beside_each_other(run: Run) -> None:
    done = run("--networks", "testnet", "mainnet")
    assert done.returncode == 0, done.stderr
    assert "Ingress/gx-backend-ingress" in done.stdout, "the path of Q Send"
    assert "0 unexpected objects on one side alone" in done.stdout


MISTAKES = [
    (["v9.9"], "gx diff: revision = 'v9.9': git knows none"),
    (["HEAD", "HEAD~1", "HEAD~2"], "gx diff: HEAD~2: is a third revision"),
    (["--networks", "testnet"], "--networks: compares exactly two networks"),
    (["--networks", "testnet", "prodnet"], "Pulumi.prodnet.yaml: "),
    (["--", "--upload-pack=x"], "revision = '--upload-pack=x': git knows none"),
]


@pytest.mark.parametrize(("arguments", "line"), MISTAKES)
def test_a_mistake_gets_one_line(run: Run, arguments: list[str], line: str) -> None:
    done = run(*arguments)
    assert line in one_line(done)
    assert done.stdout == ""


def test_a_revision_whose_settings_are_refused_is_named(run: Run, clone: Path) -> None:
    path = clone / "Pulumi.devnet.yaml"
    kept = path.read_text()
    path.write_text(kept + "  gx-infra:unknownKey: 1\n")
    try:
        done = run("HEAD", "devnet")
    finally:
        path.write_text(kept)
    assert done.returncode == 2
    assert "the working tree: its program refuses (Pulumi.devnet.yaml: gx-infra:unknownKey" in done.stderr


@pytest.mark.parametrize("how", [[], ["--markdown"], ["--json"]])
def test_a_network_that_is_refused_hides_no_other(run: Run, clone: Path, how: list[str]) -> None:
    refused, changed = clone / "Pulumi.mainnet.yaml", clone / "Pulumi.devnet.yaml"
    kept = {path: path.read_text() for path in (refused, changed)}
    refused.write_text(kept[refused] + "  gx-infra:unknownKey: 1\n")
    changed.write_text(kept[changed].replace("retentionDays: 7", "retentionDays: 9"))
    try:
        done = run(*how)
    finally:
        for path, text in kept.items():
            path.write_text(text)
    line = "the working tree: its program refuses (Pulumi.mainnet.yaml: gx-infra:unknownKey"
    assert done.returncode == 2, "the input is wrong, whatever else changes"
    assert done.stderr.splitlines()[-1].startswith(line)
    if how == ["--json"]:
        shown = {network["network"]: network for network in json.loads(done.stdout)["networks"]}
        assert shown["devnet"]["changes"]
        assert shown["mainnet"]["refused"][0].startswith(line)
        assert "refused" not in shown["devnet"]
        return
    mark = "**" if how else ""
    assert f"{mark}mainnet{mark}: refused, not compared" in done.stdout
    assert f"{mark}testnet{mark}: no change" in done.stdout
    assert "RETENTION_DAYS" in done.stdout


def test_outside_a_repository(run: Run, tmp_path: Path, clone: Path) -> None:
    folder = tmp_path / "no-repository"
    (folder / "networks").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text((clone / "Pulumi.yaml").read_text())
    done = run("HEAD", cwd=folder)
    assert done.returncode == 2
    assert "git knows none" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("HEAD", "--context", "c"),
            "gx diff: --context: belongs to one network; fix: gx diff HEAD mainnet --context c",
        ),
        (("HEAD", "testnet", "devnet", "--context", "c"), "belongs to one network"),
        (("--networks", "testnet", "mainnet", "--context", "c"), "belongs to two revisions"),
        (("HEAD", "testnet", "--context", "c"), "no cluster can be reached"),
    ],
)
def test_a_context_that_cannot_be_asked_is_one_line(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = run(*arguments, KUBECONFIG=str(tmp_path / "none"))
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_what_an_update_removes_besides_is_accepted_by_name(run: Run, clone: Path, tmp_path: Path) -> None:
    metadata: dict[str, Any] = {"name": "backend-config", "namespace": "backend-testnet", "uid": UID}
    fields: dict[str, Any] = {"f:data": {"f:OLD_HOST": {}}}
    metadata["managedFields"] = [{"manager": "kubectl-edit", "operation": "Update", "fieldsV1": fields}]
    accepted = clone / "networks/testnet/adoption.yaml"
    with fake_api() as server:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server.url, {})
        server.lists["namespaces"].append({"metadata": {"name": "backend-testnet"}})
        server.lists["configmaps"] = [{"metadata": metadata, "data": {"OLD_HOST": "s3cret.example"}}]
        ask = ("HEAD~2", "HEAD", "testnet", "--context", "test")
        done = run(*ask, KUBECONFIG=str(kubeconfig))
        assert done.returncode == 3, done.stderr
        said = "ConfigMap/backend-config: this update also removes data.OLD_HOST, which only the live object has\n"
        assert said in done.stderr
        assert "1 to accept by name: ConfigMap/backend-config key OLD_HOST; fix: gx adopt testnet" in done.stderr
        assert "s3cret" not in done.stdout + done.stderr
        document: dict[str, Any] = {
            "clusterUid": UID,
            "managedComponents": [],
            "imports": {},
            "accepted": ["ConfigMap/backend-config key OLD_HOST"],
        }
        accepted.write_text(json.dumps(document))
        done = run(*ask, KUBECONFIG=str(kubeconfig))
        accepted.unlink()
        assert (done.returncode, said in done.stderr) == (0, True)
        server.lists["configmaps"] = []
        done = run(*ask, KUBECONFIG=str(kubeconfig))
        assert (done.returncode, said in done.stderr) == (0, False)
