"""A proof can be withdrawn: what a failed verification records, what it does not, and how the proof comes back."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from common import known_secrets
from common.errors import InputError
from gx.cluster.kubernetes_api import KubernetesApi
from gx.verify.inside import Inside
from gx.verify.masking import recordable
from gx.verify.model import Cause, CheckResult, Outcome, Way
from gx.verify.record import (
    counted_failures,
    failed_verification,
    still_failed,
    verified_set,
    write_failed,
    write_verified,
)
from settings.offline import offline_settings
from settings.verified import KEPT, FailedCheck, FailedVerification, Verified, read_verified
from tests.helpers.command import gx_words
from tests.helpers.network import free_port
from tests.helpers.stack import edit
from tests.verify.cluster import NOW, UID, Cluster
from tests.verify.conftest import DEVNET, Verifier

Run = Callable[..., subprocess.CompletedProcess[str]]
FILE = "networks/devnet/verified.yaml"
BACKUP = "age of the last backup"
SECRET = "hunter2-of-redis"


@pytest.fixture
def quiet(cluster: tuple[Cluster, Path]) -> tuple[Cluster, dict[str, str]]:
    """Return a cluster without test users, so that nothing has to be taken back, and how it is reached."""
    known, kubeconfig = cluster
    known.objects.remove(known.get("Secret", "gx-test-users"))
    return known, {"KUBECONFIG": str(kubeconfig)}


def result(
    name: str, outcome: Outcome, cause: Cause | None = None, way: Way = Way.PUBLIC, text: str = "x"
) -> CheckResult:
    return CheckResult(name=name, group="g", outcome=outcome, text=text, seconds=0, way=way, cause=cause)


def failed(name: str = BACKUP, text: str = "no backup ever succeeded", **more: str) -> FailedVerification:
    """Return devnet's set as failed now."""
    one = failed_verification(DEVNET, [result(name, Outcome.FAILED, Cause.SEEN, text=text)])
    return one.model_copy(update=more)


def recorded(project: Path) -> Verified:
    found = read_verified("devnet", project)
    assert found is not None
    return found


def test_a_later_failure_withdraws_the_proof_and_a_later_pass_restores_it(
    run: Run, project: Path, quiet: tuple[Cluster, dict[str, str]]
) -> None:
    known, reached = quiet
    assert run("--context", "test", **reached).returncode == 0
    (first,) = recorded(project).sets
    known.objects.remove(cron_job := known.get("CronJob", "minio-backup"))
    known.answers["REDIS_URL"] = (1, f"TypeError: Invalid URL {{ input: 'redis://:{SECRET}/@h:port' }}")
    done = run("--context", "test", "--junit", "report.xml", **reached)
    assert done.returncode == 1
    assert f"wrote {FILE}: the set {first.hash} failed, and is not promoted until it passes" in done.stdout
    after = recorded(project)
    assert after.sets == (first,), "what it had proven stays, to roll back to"
    (failure,) = after.failures
    assert failure.hash == first.hash
    assert failure.failed >= first.verified
    assert {check.name: check.text for check in failure.checks}[BACKUP] == "there is no CronJob minio-backup"
    assert len(failure.checks) == 2
    written = (project / FILE).read_text() + (project / "report.xml").read_text() + done.stdout + done.stderr
    assert "Invalid URL" in written
    assert SECRET not in written
    known.objects.append(cron_job)
    known.answers.clear()
    done = run("--context", "test", **reached)
    assert done.returncode == 0, done.stdout + done.stderr
    assert recorded(project).failures == ()
    assert recorded(project).of_hash(first.hash) is not None


def test_a_second_pass_has_nothing_new_to_commit(
    run: Run, project: Path, quiet: tuple[Cluster, dict[str, str]]
) -> None:
    assert run("--context", "test", **quiet[1]).returncode == 0
    before = (project / FILE).read_text()
    done = run("--context", "test", **quiet[1])
    assert done.returncode == 0
    assert "has its proof already: nothing new was recorded" in done.stdout
    assert (project / FILE).read_text() == before


def _another_image(known: Cluster) -> None:
    known.get("Deployment", "svc-tax")["spec"]["template"]["spec"]["containers"][0]["image"] = "r/svc-tax:9"


def _rolled_meanwhile(known: Cluster) -> None:
    known.objects.remove(known.get("CronJob", "minio-backup"))
    condition = known.get("Deployment", "svc-tax")["status"]["conditions"][0]
    known.once_listed["deployments"] = lambda: condition.update(lastUpdateTime=NOW.isoformat())


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_another_image, "devnet does not run its set"),
        (_rolled_meanwhile, "svc-tax changed while this was verified: nothing was recorded"),
    ],
)
def test_what_was_not_the_set_is_no_failure_of_it(
    run: Run, project: Path, quiet: tuple[Cluster, dict[str, str]], damage: Callable[[Cluster], None], words: str
) -> None:
    damage(quiet[0])
    done = run("--context", "test", **quiet[1])
    assert done.returncode == 1
    assert words in done.stdout
    assert not (project / FILE).exists()


def test_a_set_that_never_gets_ready_has_failed(run: Run, project: Path, quiet: tuple[Cluster, dict[str, str]]) -> None:
    quiet[0].get("Deployment", "svc-tax")["status"]["readyReplicas"] = 0
    assert run("--context", "test", **quiet[1]).returncode == 1
    (failure,) = recorded(project).failures
    assert [(check.name, check.text) for check in failure.checks] == [
        ("what runs is the release", "svc-tax is still rolling")
    ]


def test_a_pass_without_the_check_that_failed_does_not_restore(
    run: Run, project: Path, quiet: tuple[Cluster, dict[str, str]]
) -> None:
    check = FailedCheck(name="message", group="user flow", text="says 'LOST' instead of 'SENT'")
    write_failed(project, DEVNET, UID, failed().model_copy(update={"checks": (check,)}))
    before = (project / FILE).read_text()
    done = run("--context", "test", **quiet[1])
    assert done.returncode == 1
    assert "not tried, and failed before: message: nothing was recorded" in done.stdout
    assert (project / FILE).read_text() == before


def test_not_recorded_when_nobody_wants_it_or_no_cluster_is_named(
    run: Run, project: Path, verifier: Verifier, quiet: tuple[Cluster, dict[str, str]]
) -> None:
    verifier.fake.broken.add("scripts of mainnet")
    assert run().returncode == 1
    assert run("--context", "test", "--no-record", **quiet[1]).returncode == 1
    assert not (project / FILE).exists()


def test_interrupted_it_leaves_the_record_as_it_was(project: Path, quiet: tuple[Cluster, dict[str, str]]) -> None:
    edit(project, "devnet", lambda config: config.update(clusterUid=UID))
    write_verified(project, DEVNET, UID, verified_set(DEVNET, NOW, 30, []))
    before = (project / FILE).read_text()
    quiet[0].hangs = True
    command = gx_words("verify", "devnet", "--context", "test")
    command += ["--dns", f"127.0.0.1:{free_port()}"]
    for name in (DEVNET.network.wallet_host, DEVNET.network.api_host, *(str(n.address) for n in DEVNET.stack.nodes)):
        command += ["--connect-to", f"{name}:443:127.0.0.1:1"]
    environment = {**os.environ, **quiet[1], "PATH": "/nonexistent"}
    with subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        assert started.stdout.readline().startswith("verifying devnet: ")
        started.send_signal(signal.SIGINT)
        assert started.wait(timeout=30) == 130
        assert started.stderr.read().splitlines()[0].startswith("interrupted; nothing was ")
    assert (project / FILE).read_text() == before


def test_what_this_machine_lacks_says_nothing_about_the_set(verifier: Verifier, cluster: tuple[Cluster, Path]) -> None:
    known, kubeconfig = cluster
    api = KubernetesApi.connect(kubeconfig)
    known.forbidden.add("secrets")
    inside = Inside(settings=DEVNET, api=api, others=())
    found = verifier.run(inside=inside)
    assert {name for name, one in found.items() if one.outcome is Outcome.FAILED} == {"no Secret names another network"}
    assert counted_failures(list(found.values())) == []
    known.objects.remove(known.get("CronJob", "minio-backup"))
    counted = counted_failures(list(verifier.run(inside=inside).values()))
    assert [one.name for one in counted] == [BACKUP]
    api.close()


def test_a_machine_that_reaches_nothing_says_nothing_about_the_set(verifier: Verifier) -> None:
    verifier.fake.port, kept = free_port(), verifier.fake.port
    try:
        found = verifier.run()
    finally:
        verifier.fake.port = kept
    outcomes = {one.outcome for one in found.values() if one.way is Way.PUBLIC and one.name != "cleaned up"}
    assert outcomes == {Outcome.FAILED, Outcome.SKIPPED}
    assert found[f"DNS {DEVNET.network.api_host}"].outcome is Outcome.PASSED, "names lead somewhere all the same"
    failures = counted_failures([one for one in found.values() if one.name != "cleaned up"])
    assert failures == []


def test_silence_counts_where_others_answered_in_the_same_way() -> None:
    silent = result("health", Outcome.FAILED, Cause.SILENT)
    seen = result("login", Outcome.FAILED, Cause.SEEN)
    passed = [result("TLS", Outcome.PASSED), result("release", Outcome.PASSED, way=Way.CLUSTER)]
    assert counted_failures([silent, *passed]) == [silent]
    assert counted_failures([silent, passed[1]]) == [], "the API server is another way"
    assert counted_failures([silent, seen]) == [silent, seen]
    assert counted_failures([result("b", Outcome.FAILED, Cause.HERE), *passed]) == []


def test_a_check_that_is_no_longer_there_does_not_hold_the_proof_back() -> None:
    check = FailedCheck(name="node vps3", group="edge", text="does not answer")
    failure = failed().model_copy(update={"checks": (check,)})
    skipped = [result("node vps1", Outcome.SKIPPED)]
    assert still_failed(failure, skipped) == [], "vps3 was drained"
    assert still_failed(failure, [*skipped, result("node vps3", Outcome.SKIPPED)]) == ["node vps3"]
    assert still_failed(None, skipped) == []


def test_a_record_of_before_is_readable_and_proves_what_it_did(project: Path) -> None:
    release = yaml.safe_load((project / "networks/devnet/release.yaml").read_text())
    document = {
        "network": "devnet",
        "clusterUid": UID,
        "sets": [
            {
                "hash": DEVNET.release.hash,
                "deployed": "2026-01-01T00:00:00Z",
                "verified": "2026-01-01T01:00:00Z",
                "passed": 39,
                "workloads": release["workloads"],
                "platform": release["platform"],
            }
        ],
    }
    (project / FILE).write_text(yaml.safe_dump(document))
    assert recorded(project).of_hash(DEVNET.release.hash) is not None
    assert recorded(project).failure(DEVNET.release.hash) is None
    write_failed(project, DEVNET, UID, failed())
    assert recorded(project).failure(DEVNET.release.hash) is not None


def test_the_failure_of_a_set_that_stays_is_never_forgotten(project: Path) -> None:
    settings = offline_settings("devnet", project)
    write_verified(project, settings, UID, verified_set(settings, NOW, 30, []))
    write_failed(project, settings, UID, failed())
    for number in range(2 * KEPT):
        write_failed(project, settings, UID, failed(hash=f"{number:016x}"))
    record = recorded(project)
    assert record.failure(settings.release.hash) is not None
    assert len(record.failures) == KEPT + 1
    write_failed(project, settings, UID, failed(name="GET /health"))
    (again,) = (one for one in recorded(project).failures if one.hash == settings.release.hash)
    assert [check.name for check in again.checks] == ["GET /health"]


@pytest.mark.parametrize(("key", "value"), [("network", "testnet"), ("clusterUid", UID.replace("1", "9"))])
def test_a_failure_elsewhere_withdraws_nothing_here(project: Path, key: str, value: str) -> None:
    write_verified(project, DEVNET, UID, verified_set(DEVNET, NOW, 30, []))
    path = project / FILE
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), key: value}))
    before = path.read_text()
    with pytest.raises(InputError, match=f"{key} = '{value}': is the record of another"):
        write_failed(project, DEVNET, UID, failed())
    assert path.read_text() == before


@pytest.mark.parametrize(
    "text",
    [
        "the page says s3cr:et/pw",
        "dial redis://:s3cr:et/pw@redis-master:6379 failed",
        "leads to https://h/login?email=a&password=s3cr%3Aet%2Fpw",
        "data: czNjcjpldC9wdw==",
        "no token: password=other-secret",
        "Authorization: Bearer other-secret",
        "x-api-key: other-secret",
        '{"accessToken": "other-secret"}',
        "postgresql://gx:other-secret@db/x",
    ],
)
def test_a_line_holds_nothing_secret(text: str) -> None:
    known_secrets.remember("s3cr:et/pw")
    line = recordable(text)
    for form in ("s3cr", "czNjcjpl", "other-secret"):
        assert form not in line
    assert "(secret)" in line


@pytest.mark.parametrize(
    "text",
    [
        "the last backup succeeded 13.1 h ago, more than 7",
        "svc-tax runs 10.43.75.195:5000/svc-tax:9, not 10.43.75.195:5000/svc-tax:2.1.5",
        "redis-master: WRONGPASS invalid username-password pair",
        "https://api.gxcoin.money/socket.io/?EIO=4&transport=polling answered 502 instead of 200",
        "redis-secret/redis-url names mainnet",
    ],
)
def test_a_line_keeps_what_it_is_for(text: str) -> None:
    assert recordable(text) == text
