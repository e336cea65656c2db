"""An answer that is no list or no object is never taken for an empty cluster, whoever asked."""

import itertools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from common.errors import InputError
from gx.adoption.live import read_live
from gx.cluster import kubernetes_api
from gx.cluster.kubernetes_api import ApiError, KubernetesApi, UnreachableError
from settings.offline import offline_settings
from tests.helpers.fake_api import CUT, NAMESPACE, UID, WRONG, FakeApi, fake_api, write_kubeconfig
from tests.helpers.stack import edit, put

DEVNET = offline_settings("devnet", adopting=False)
MODES = [*WRONG, CUT]


@pytest.fixture
def server() -> Iterator[FakeApi]:
    with fake_api() as running:
        yield running


@pytest.fixture
def api(server: FakeApi, tmp_path: Path) -> Iterator[KubernetesApi]:
    api = KubernetesApi.connect(write_kubeconfig(tmp_path / "kubeconfig", server.url, {}))
    yield api
    api.close()


def test_a_right_server_is_read(server: FakeApi, api: KubernetesApi) -> None:
    live = read_live(api, DEVNET, None)
    assert (live.uid, sorted(name for _, _, name in live.objects)) == (UID, [NAMESPACE, "default"])
    assert len(server.seen) > 25


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", [1, 2, 3, 4, 20])
def test_a_wrong_answer_is_no_empty_list(server: FakeApi, api: KubernetesApi, number: int, mode: str) -> None:
    server.wrong = {number: mode}
    with pytest.raises(InputError, match=r"nothing was compared") as caught:
        read_live(api, DEVNET, None)
    assert len(server.seen) == number
    assert "Log in" not in str(caught.value)


def test_a_login_page_is_seen_at_every_request(server: FakeApi, api: KubernetesApi, tmp_path: Path) -> None:
    read_live(api, DEVNET, None)
    for number in range(1, len(server.seen) + 1):
        server.seen.clear()
        server.wrong = {number: "login page"}
        fresh = KubernetesApi.connect(tmp_path / "kubeconfig")
        with pytest.raises(InputError, match=r"no JSON"):
            read_live(fresh, DEVNET, None)
        fresh.close()


@pytest.mark.parametrize("mode", MODES)
def test_a_wrong_answer_is_no_object(server: FakeApi, api: KubernetesApi, mode: str) -> None:
    api.kind("v1", "ConfigMap")
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "default"}}
    calls: dict[str, Callable[[], object]] = {
        "get": lambda: api.get("v1", "ConfigMap", "default", "x"),
        "uid": api.uid,
        "create": lambda: api.create(manifest),
        "apply": lambda: api.apply(manifest, manager="x"),
        "patch": lambda: api.patch(manifest, {}),
        "warnings": lambda: api.warnings_of(manifest, {}),
    }
    server.always = (1, mode)
    for name, call in calls.items():
        with pytest.raises(UnreachableError, match=r"no (JSON|object)"):
            call()
        assert server.seen, name


def test_a_list_is_read_to_its_end_or_not_at_all(server: FakeApi, api: KubernetesApi) -> None:
    right = server.right

    def paged(path: str) -> dict[str, object]:
        answer = right(path)
        if "items" in answer and "continue=" not in path:
            answer["metadata"] = {"continue": ["no", "text"]}
        return answer

    server.right = paged  # type: ignore[method-assign]
    with pytest.raises(UnreachableError, match=r"no list"):
        list(api.list_objects("v1", "Pod", "default"))


@pytest.mark.parametrize("tokens", [["same"], ["one", "two", "three", "four", "five", "six"]])
def test_a_list_without_an_end_is_no_list(
    server: FakeApi, api: KubernetesApi, monkeypatch: pytest.MonkeyPatch, tokens: list[str]
) -> None:
    monkeypatch.setattr(kubernetes_api, "_MOST_PAGES", 5)
    right, given = server.right, itertools.cycle(tokens)

    def endless(path: str) -> dict[str, Any]:
        answer = right(path)
        return answer | {"metadata": {"continue": next(given)}} if "items" in answer else answer

    server.right = endless  # type: ignore[method-assign]
    with pytest.raises(UnreachableError, match=r"no list of pods with an end"):
        list(api.list_objects("v1", "Pod", "default"))
    assert len(server.seen) == 1 + min(5, len(tokens) + 1)


def test_a_busy_server_is_asked_again(server: FakeApi, api: KubernetesApi) -> None:
    server.busy = {1, 2}
    assert api.uid() == UID
    assert len(server.seen) == 3


def test_what_creates_is_not_sent_twice(server: FakeApi, api: KubernetesApi) -> None:
    api.kind("v1", "ConfigMap")
    server.busy = set(range(2, 9))
    with pytest.raises(ApiError) as caught:
        api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "default"}})
    assert (caught.value.status, len(server.seen)) == (429, 2)


def test_a_server_that_stays_busy_is_said(server: FakeApi, api: KubernetesApi) -> None:
    server.busy = set(range(1, 9))
    with pytest.raises(ApiError) as caught:
        api.uid()
    assert (caught.value.status, len(server.seen)) == (429, 4)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({"spec": {"replicas": "two"}}, "spec.replicas is not"),
        ({"spec": {"template": []}}, "spec.template is not object"),
        ({"status": {"conditions": [None]}}, "status.conditions is not a list without null"),
        (
            {"metadata": {"name": "x", "creationTimestamp": "yesterday"}},
            "creationTimestamp is not a time with its zone",
        ),
    ],
)
def test_an_object_of_another_make_is_said(
    server: FakeApi, api: KubernetesApi, damage: dict[str, object], said: str
) -> None:
    server.lists["deployments"] = [{"metadata": {"name": "x", "namespace": "default"}, **damage}]
    with pytest.raises(UnreachableError) as caught:
        list(api.list_objects("apps/v1", "Deployment", "default"))
    assert said in str(caught.value)


COMMANDS: list[tuple[str, ...]] = [
    ("adopt", "devnet"),
    ("check", "devnet"),
    ("verify", "devnet", "--deadline", "30"),
    ("promote", "devnet", "testnet"),
    ("pin", "devnet"),
    ("restore", "devnet", "newest", "--into", "gx-voice-messages-devnet-x", "--execute"),
    ("rotate", "devnet", "minioMessagingUser", "--retire"),
    ("remove-test-users", "devnet"),
    ("backups", "devnet", "--endpoint", "http://127.0.0.1:9"),
    ("reach", "devnet"),
    ("local", "mark", "--yes"),
]


@pytest.fixture
def there(project: Path, server: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project whose devnet is on the fake server."""
    edit(project, "devnet", put("clusterUid", UID))
    edit(project, "devnet", put("testUsers", value=False))
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(project / "kubeconfig", server.url, {})))
    return project


@pytest.mark.parametrize("since", [1, 2])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_every_command_says_it_in_one_line(
    server: FakeApi,
    there: Path,
    gx: Callable[..., subprocess.CompletedProcess[str]],
    command: tuple[str, ...],
    since: int,
) -> None:
    server.always = (since, "login page")
    done = gx(*command, "--context", "test", cwd=there)
    said = done.stdout + done.stderr
    assert done.returncode in {1, 2} if command[0] == "verify" else done.returncode == 2, said
    assert "Traceback" not in said
    assert "answered with something that is no JSON object" in " ".join(said.split())
    assert len(server.seen) >= since


@pytest.mark.parametrize(
    "command", [("adopt", "devnet", "--write"), ("check", "devnet")], ids=lambda command: command[0]
)
def test_a_login_page_after_twenty_requests_writes_nothing(
    server: FakeApi, there: Path, gx: Callable[..., subprocess.CompletedProcess[str]], command: tuple[str, ...]
) -> None:
    server.always = (20, "login page")
    before = {path: path.read_bytes() for path in there.rglob("*") if path.is_file()}
    done = gx(*command, "--context", "test", cwd=there)
    assert done.returncode == 2, done.stdout
    assert before == {path: path.read_bytes() for path in there.rglob("*") if path.is_file()}


def test_a_refusal_that_is_a_page_is_a_line_without_what_was_sent(server: FakeApi, api: KubernetesApi) -> None:
    api.kind("v1", "Secret")
    server.refusal = "<p>" + "p" * 190 + "hunter2hunter2" + "x" * 100_000
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": {"k": "hunter2hunter2"}}
    with pytest.raises(ApiError) as caught:
        api.create(secret)
    assert (caught.value.status, len(str(caught.value))) == (503, 200)
    assert "hunter" not in str(caught.value)
