"""`gx verify` as a user and as CI run it: exit codes, forms of output, the record, mistakes in its options."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from common.errors import InputError
from gx.verify.record import verified_set, write_verified
from settings.offline import offline_settings
from settings.verified import read_verified
from tests.data.servers import ROOT_PASSWORD, ROOT_USER, Minio
from tests.helpers.command import one_line
from tests.verify.cluster import NOW, UID, Cluster
from tests.verify.conftest import Verifier
from tests.verify.fake_network import PASSWORD

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_without_a_cluster_it_looks_from_outside_and_writes_no_record(run: Run, project: Path) -> None:
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("devnet: 20 passed, 2 skipped in ")
    assert "--context names no cluster" in done.stdout
    assert not (project / "networks/devnet/verified.yaml").exists()


def test_what_failed_is_said_at_once_and_ends_with_1(run: Run, verifier: Verifier) -> None:
    verifier.fake.broken.add("scripts of mainnet")
    done = run()
    assert done.returncode == 1
    assert "failed: URLs in the wallet's scripts: the scripts call api.gxcoin.money" in done.stdout
    assert "1 failed" in done.stdout.splitlines()[-1]


def test_with_a_cluster_everything_is_tried_and_recorded(
    run: Run, verifier: Verifier, project: Path, cluster: tuple[Cluster, Path], own_minio: Minio
) -> None:
    known, kubeconfig = cluster
    known.set_minio_keys(ROOT_USER, ROOT_PASSWORD)
    done = run("--context", "test", "--minio", own_minio.url, KUBECONFIG=str(kubeconfig))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "devnet: 39 passed in " in done.stdout
    record = read_verified("devnet", project)
    assert record is not None
    (only,) = record.sets
    assert (record.network, record.cluster_uid, only.passed, only.skipped) == ("devnet", UID, 39, ())
    assert only.hash == offline_settings("devnet", project).release.hash
    assert (NOW - only.deployed).total_seconds() == 30 * 3600
    assert only.workloads["svc-messaging"].tag == "v2.2.0"
    assert f"wrote networks/devnet/verified.yaml: the set {only.hash}" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    assert len(verifier.fake.files) == 1, "the file went to the fake, its key was removed from MinIO"


def test_what_is_rolled_out_meanwhile_was_not_verified(
    run: Run, project: Path, cluster: tuple[Cluster, Path], own_minio: Minio
) -> None:
    known, kubeconfig = cluster
    known.set_minio_keys(ROOT_USER, ROOT_PASSWORD)

    def roll() -> None:
        known.get("Deployment", "svc-tax")["status"]["conditions"][0]["lastUpdateTime"] = NOW.isoformat()

    known.once_listed["deployments"] = roll
    done = run("--context", "test", "--minio", own_minio.url, KUBECONFIG=str(kubeconfig))
    assert done.returncode == 1
    assert "39 passed in" in done.stdout
    last = "svc-tax changed while this was verified: nothing was recorded; run it again"
    assert done.stdout.splitlines()[-1] == last
    assert not (project / "networks/devnet/verified.yaml").exists()


def test_an_api_server_that_hangs_does_not_outlast_the_deadline(run: Run, cluster: tuple[Cluster, Path]) -> None:
    known, kubeconfig = cluster
    known.hangs = True
    began = time.monotonic()
    done = run("--context", "test", "--deadline", "5", KUBECONFIG=str(kubeconfig))
    assert time.monotonic() - began < 15
    assert done.returncode == 1
    assert "failed: alert rules are loaded: no answer within the 5 s that all checks have together" in done.stdout


def test_a_store_that_is_away_is_a_finding_and_no_reason_to_stop(run: Run, cluster: tuple[Cluster, Path]) -> None:
    done = run("--context", "test", "--minio", "http://127.0.0.1:1", KUBECONFIG=str(cluster[1]))
    assert done.returncode == 1
    assert "failed: cleaned up: left behind: the file files/" in done.stdout
    *_, counted, recorded = done.stdout.splitlines()
    assert "1 failed" in counted
    assert recorded.endswith("which says nothing about the set: nothing was recorded")


def test_another_cluster_than_the_pinned_one_is_refused(run: Run, cluster: tuple[Cluster, Path]) -> None:
    known, kubeconfig = cluster
    known.get("Namespace", "kube-system")["metadata"]["uid"] = UID.replace("1", "9")
    done = run("--context", "test", KUBECONFIG=str(kubeconfig))
    assert one_line(done)


def test_json_for_programs(run: Run) -> None:
    done = run("--json")
    document = json.loads(done.stdout)
    assert (document["network"], document["failed"], document["passed"]) == ("devnet", 0, 20)
    assert {check["outcome"] for check in document["checks"]} == {"passed", "skipped"}


def test_junit_for_ci(run: Run, verifier: Verifier, tmp_path: Path) -> None:
    verifier.fake.faults["/health"] = "html"
    report = tmp_path / "report.xml"
    run("--junit", str(report))
    suite = ET.parse(report).getroot()  # noqa: S314 our own file
    numbers = {key: suite.attrib[key] for key in ("tests", "failures", "skipped")}
    assert numbers == {"tests": "22", "failures": "1", "skipped": "2"}
    failed = {case.attrib["name"] for case in suite if case.find("failure") is not None}
    assert failed == {"GET /health"}


def test_with_the_password_in_the_environment_two_people_talk(run: Run) -> None:
    done = run(GX_TEST_USERS_PASSWORD=PASSWORD)
    assert "left behind: the file" in done.stdout, "without MinIO the file stays, and that is said"
    assert done.returncode == 1
    assert PASSWORD not in done.stdout + done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_says_what_the_two_people_left(verifier: Verifier, project: Path, number: int) -> None:
    fake, before = verifier.fake, set(verifier.fake.files)
    fake.faults["/api/v1/files/download"] = "slow"
    environment = verifier.environment(GX_TEST_USERS_PASSWORD=PASSWORD)
    with subprocess.Popen(
        verifier.command(), cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as child:
        sent = "POST /api/v1/files/conversations/c1"
        while sent not in fake.asked or "GET /api/v1/files/download" not in fake.asked[fake.asked.index(sent) :]:
            assert child.poll() is None
            time.sleep(0.05)
        child.send_signal(number)
        _, errors = child.communicate(timeout=300)
    (key,) = set(fake.files) - before
    assert errors.startswith(f"interrupted; left behind: the file {key}")
    assert len(errors.splitlines()) == 1
    assert child.returncode == 128 + number


MISTAKES = [
    (
        ["--connect-to", "devnet.gxcoin.money:443"],
        "--connect-to = 'devnet.gxcoin.money:443': is no HOST:PORT:HOST:PORT",
    ),
    (["--connect-to", "a:443:b:0"], "--connect-to = 'b:0': is no HOST:PORT"),
    (["--dns", "127.0.0.1"], "--dns = '127.0.0.1': is no HOST:PORT"),
    (["--cacert", "/nonexistent/ca.crt"], "/nonexistent/ca.crt: cannot be used (No such file or directory)"),
    (["--context", "nowhere"], "context nowhere"),
    (["--junit", "/nonexistent/report.xml"], "/nonexistent/report.xml: cannot be written (No such file or directory)"),
]


@pytest.mark.parametrize(("arguments", "line"), MISTAKES)
def test_a_mistake_gets_one_line(run: Run, arguments: list[str], line: str) -> None:
    done = run(*arguments)
    assert line in one_line(done)


def test_the_same_set_is_kept_once_and_ten_are_kept(project: Path) -> None:
    settings = offline_settings("devnet", project)
    for _ in range(2):
        write_verified(project, settings, UID, verified_set(settings, NOW, 30, []))
    for number in range(12):
        one = verified_set(settings, NOW, 30, []).model_copy(update={"hash": f"{number:016x}"})
        write_verified(project, settings, UID, one)
    record = read_verified("devnet", project)
    assert record is not None
    assert [one.hash for one in record.sets] == [f"{number:016x}" for number in range(11, 1, -1)]


@pytest.mark.parametrize(("key", "value"), [("network", "testnet"), ("clusterUid", UID.replace("1", "9"))])
def test_the_record_of_another_network_or_cluster_is_not_written_over(project: Path, key: str, value: str) -> None:
    settings = offline_settings("devnet", project)
    write_verified(project, settings, UID, verified_set(settings, NOW, 30, []))
    path = project / "networks/devnet/verified.yaml"
    document = yaml.safe_load(path.read_text())
    document[key] = value
    path.write_text(yaml.safe_dump(document))
    before = path.read_text()
    with pytest.raises(InputError, match=f"{key} = '{value}': is the record of another"):
        write_verified(project, settings, UID, verified_set(settings, NOW, 30, []))
    assert path.read_text() == before
