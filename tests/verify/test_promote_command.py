"""`gx promote` from devnet to testnet: refused, promoted, overridden, rolled back; the file is whole or as it was."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from gx.verify.record import verified_set, write_failed, write_verified
from settings.offline import offline_settings
from settings.verified import FailedVerification
from tests.helpers.command import one_line, run_gx
from tests.helpers.stack import edit
from tests.verify.cluster import UID, Cluster, api_server

Run = Callable[..., subprocess.CompletedProcess[str]]
HOURS_AGO = datetime.now(UTC) - timedelta(hours=30)
FILE = "networks/testnet/release.yaml"


@pytest.fixture
def newer(project: Path) -> Path:
    """Return a project in which devnet runs one version further than testnet."""
    path = project / "networks/devnet/release.yaml"
    document = yaml.safe_load(path.read_text())
    document["workloads"]["svc-tax"]["tag"] = "2.2.0"
    path.write_text(yaml.safe_dump(document))
    for network in ("devnet", "testnet"):
        edit(project, network, lambda config: config.update(clusterUid=UID))
    return project


@pytest.fixture
def cluster(newer: Path, tmp_path: Path) -> Iterator[tuple[Cluster, Path]]:
    with api_server(offline_settings("devnet", newer), tmp_path) as running:
        yield running


@pytest.fixture
def run(newer: Path, cluster: tuple[Cluster, Path]) -> Run:
    def start(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return run_gx("promote", *arguments, cwd=newer, env={"KUBECONFIG": str(cluster[1]), **(env or {})})

    return start


def verify(project: Path, network: str = "devnet", deployed: datetime = HOURS_AGO) -> str:
    settings = offline_settings(network, project)
    one = verified_set(settings, deployed, 39, [])
    write_verified(project, settings, UID, one)
    return one.hash


def fail(project: Path, network: str, wanted: str) -> None:
    checks = ({"name": "GET /health", "group": "endpoints", "text": "answered 502"},)
    failure = {"hash": wanted, "failed": "2026-03-01T02:40:00Z", "checks": checks}
    write_failed(project, offline_settings(network, project), UID, FailedVerification.model_validate(failure))


def test_a_proof_that_was_withdrawn_holds_the_set_back_until_it_passes(run: Run, newer: Path) -> None:
    found, before = verify(newer), (newer / FILE).read_text()
    fail(newer, "devnet", found)
    done = run("devnet", "testnet", "--context", "test")
    assert done.returncode == 3
    assert f"refused: devnet: its set {found} failed at 2026-03-01 02:40 UTC (GET /health: answered 502)" in done.stdout
    assert (newer / FILE).read_text() == before
    verify(newer)
    assert run("devnet", "testnet", "--context", "test", "--check").returncode == 0


def test_a_way_out_of_a_set_that_the_program_refuses(run: Run, newer: Path) -> None:
    """By hand a tag was changed: nothing of that network can be planned, but the set before it can come back."""
    first = verify(newer, "testnet")
    path = newer / FILE
    path.write_text(path.read_text().replace('svc-tax: {tag: "2.1.5"}', 'svc-tax: {tag: "9.9.9"}'))
    done = run("devnet", "testnet", "--rollback")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no diff: what stands there is refused: networks/testnet/release.yaml: promoted.hash" in done.stdout
    assert offline_settings("testnet", newer).release.hash == first


def test_back_past_a_set_that_failed_since(run: Run, newer: Path) -> None:
    oldest = verify(newer, "testnet")
    verify(newer)
    run("devnet", "testnet", "--context", "test")
    middle = verify(newer, "testnet")
    fail(newer, "testnet", oldest)
    done = run("devnet", "testnet", "--rollback")
    assert "has verified no such set before this one, or it failed since" in one_line(done)
    done = run("devnet", "testnet", "--rollback", "--set", oldest)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"warning: the set {oldest} failed at 2026-03-01 02:40 UTC (GET /health: answered 502)" in done.stdout
    settings = offline_settings("testnet", newer)
    assert settings.release.hash == oldest
    assert settings.release.origin.endswith("which failed at 2026-03-01 02:40 UTC")
    assert middle != oldest


def test_a_set_that_was_not_verified_stays_where_it_is(run: Run, newer: Path) -> None:
    before = (newer / FILE).read_text()
    done = run("devnet", "testnet", "--context", "test")
    assert done.returncode == 3
    assert "refused: devnet was never verified" in done.stdout
    assert (newer / FILE).read_text() == before


def test_the_whole_set_goes_on_and_the_program_takes_it(run: Run, newer: Path) -> None:
    found = verify(newer)
    asked = run("devnet", "testnet", "--context", "test", "--check")
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert "nothing was written" in asked.stdout
    done = run("devnet", "testnet", "--context", "test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"set {found}: 1 images differ" in done.stdout
    assert "restart: Deployment/svc-tax 1 pod" in done.stdout
    assert "svc-tax:2.1.5" in done.stdout
    settings = offline_settings("testnet", newer)
    assert settings.release.hash == found
    promoted = settings.release.promoted
    assert promoted is not None
    assert (promoted.how, promoted.source) == ("promotion", "devnet")
    assert promoted.verified is not None
    again = run("devnet", "testnet", "--context", "test")
    assert "runs already" in again.stdout


def test_what_runs_now_is_asked(run: Run, newer: Path, cluster: tuple[Cluster, Path]) -> None:
    verify(newer)
    known, _ = cluster
    known.get("Deployment", "svc-tax")["spec"]["template"]["spec"]["containers"][0]["image"] = "by/hand:1"
    done = run("devnet", "testnet", "--context", "test")
    assert done.returncode == 3
    assert "refused: devnet: svc-tax runs by/hand:1, not " in done.stdout


def test_over_the_gate_with_a_reason_and_a_day(run: Run, newer: Path) -> None:
    day = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    options = ["--override", "an urgent repair of taxes", "--expires", day]
    done = run("devnet", "testnet", "--context", "test", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "overridden: devnet was never verified" in done.stdout
    promoted = offline_settings("testnet", newer).release.promoted
    assert promoted is not None
    assert (promoted.how, promoted.reason, str(promoted.expires)) == ("override", "an urgent repair of taxes", day)


def test_back_in_one_command_without_a_cluster_or_a_soak(run: Run, newer: Path) -> None:
    first = verify(newer, "testnet", datetime.now(UTC))
    verify(newer)
    run("devnet", "testnet", "--context", "test")
    assert offline_settings("testnet", newer).release.hash != first
    done = run("devnet", "testnet", "--rollback", env={"KUBECONFIG": "/nonexistent"})
    assert done.returncode == 0, done.stdout + done.stderr
    settings = offline_settings("testnet", newer)
    assert settings.release.hash == first
    assert settings.release.workloads["svc-tax"].tag == "2.1.5"


MISTAKES = [
    (["devnet", "testnet"], "--context: is needed"),
    (["devnet", "prodnet", "--context", "test"], "Pulumi.prodnet.yaml"),
    (["devnet", "testnet", "--context", "test", "--override", "short", "--expires", "2999-01-01"], "says too little"),
    (["devnet", "testnet", "--context", "test", "--override", "a long reason", "--expires", "soon"], "is no date"),
    (["devnet", "testnet", "--context", "test", "--override", "a long reason"], "--expires = '': is no date"),
    (["devnet", "testnet", "--context", "test", "--override", "a long reason", "--expires", "2020-01-01"], "is over"),
    (["devnet", "testnet", "--rollback"], "testnet has verified no such set"),
    (["devnet", "testnet", "--rollback", "--set", "ffff"], "sets = 'ffff': testnet has verified no such set"),
    (["devnet", "testnet", "--context", "nowhere"], "nowhere"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES, ids=[words for _, words in MISTAKES])
def test_a_mistake_gets_one_line_and_changes_nothing(run: Run, newer: Path, arguments: list[str], words: str) -> None:
    before = (newer / FILE).read_text()
    done = run(*arguments)
    assert words in one_line(done)
    assert (newer / FILE).read_text() == before


def test_a_set_that_the_program_refuses_leaves_the_old_file(run: Run, newer: Path) -> None:
    verify(newer)
    edit(newer, "testnet", lambda config: config["quota"].update(services=3))
    before = (newer / FILE).read_text()
    done = run("devnet", "testnet", "--context", "test")
    assert done.returncode == 2
    assert "quota" in done.stderr
    assert (newer / FILE).read_text() == before
    assert not list((newer / FILE).parent.glob("*.part"))


INTERRUPTIONS = [  # where, at which call, by what, and what is said
    ("gx.plan.record.record", 2, signal.SIGTERM, "nothing was changed"),  # it looks what the program makes of the file
    ("gx.plan.record.record", 2, signal.SIGHUP, "nothing was changed"),
    ("gx.diff.view.print_diff", 1, signal.SIGTERM, f"{FILE} was written"),
]


@pytest.mark.parametrize("case", INTERRUPTIONS)
def test_an_interruption_says_whether_the_file_is_another(
    newer: Path, cluster: tuple[Cluster, Path], case: tuple[str, int, signal.Signals, str]
) -> None:
    verify(newer)
    before = (newer / FILE).read_text()
    where, call, number, said = case
    module, _, name = where.rpartition(".")
    code = (
        f"import importlib, os\nfrom gx.cli.main import main\nmodule = importlib.import_module({module!r})\n"
        f"real, calls = module.{name}, []\n"
        "def interrupted(*arguments, **options):\n"
        "    calls.append(1)\n"
        f"    if len(calls) == {call}:\n"
        f"        os.kill(os.getpid(), {int(number)})\n"
        "    return real(*arguments, **options)\n"
        f"module.{name} = interrupted\nmain()\n"
    )
    command = [sys.executable, "-c", code, "promote", "devnet", "testnet", "--context", "test"]
    environment = {**os.environ, "KUBECONFIG": str(cluster[1])}
    done = subprocess.run(command, cwd=newer, capture_output=True, text=True, check=False, timeout=300, env=environment)
    assert done.stderr == f"interrupted; {said}\n"
    assert done.returncode == 128 + number
    assert ((newer / FILE).read_text() != before) is (said != "nothing was changed")
