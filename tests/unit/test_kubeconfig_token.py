"""The credentials of a kubeconfig as people write them: used without their line end, or refused without being shown."""

import json
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from common.errors import InputError
from common.known_secrets import MASK, masked
from gx.cluster.kubernetes_api import ApiError, KubernetesApi
from gx.cluster.refusals import explained, unreadable
from tests.helpers.fake_api import UID, FakeApi, fake_api, write_kubeconfig
from tests.helpers.stack import edit, put

TOKEN = "eyJhbGciOi.JSUzI1NiIs_ImtpZCI6.aWFtLXNlY3JldA"
Gx = Callable[..., subprocess.CompletedProcess[str]]
User = Callable[[Path, str], dict[str, Any]]


def _as_token(_folder: Path, text: str) -> dict[str, Any]:
    return {"token": text}


def _as_file(folder: Path, text: str) -> dict[str, Any]:
    (folder / "token").write_text(text)
    return {"tokenFile": str(folder / "token")}


def _as_relative_file(folder: Path, text: str) -> dict[str, Any]:
    return {**_as_file(folder, text), "tokenFile": "token"}


def _from_program(folder: Path, text: str) -> dict[str, Any]:
    """The library asks the program once more for every request when what it gave has expired."""
    status = {"token": text, "expirationTimestamp": "2001-01-01T00:00:00Z"}
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    program = folder / "log-in"
    program.write_text(f"#!{sys.executable}\nprint({json.dumps(answer)!r})\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": answer["apiVersion"], "command": str(program), "interactiveMode": "Never"}}


USERS: list[User] = [_as_token, _as_file, _as_relative_file, _from_program]


@pytest.fixture
def server() -> Iterator[FakeApi]:
    with fake_api() as running:
        yield running


@pytest.mark.parametrize("text", [f"{TOKEN}\n", f"{TOKEN}\r\n", f" {TOKEN} \n\n"], ids=repr)
@pytest.mark.parametrize("user", USERS)
def test_a_line_end_is_no_part_of_a_token(server: FakeApi, tmp_path: Path, user: User, text: str) -> None:
    api = KubernetesApi.connect(write_kubeconfig(tmp_path / "kubeconfig", server.url, user(tmp_path, text)))
    assert (api.uid(), api.uid()) == (UID, UID)
    assert server.tokens == [f"Bearer {TOKEN}"] * 2
    assert masked(f"the token {TOKEN}") == f"the token {MASK}"
    api.close()


@pytest.mark.parametrize(
    ("text", "what"),
    [(f"{TOKEN}\n{TOKEN[::-1]}\n", "a line end"), (f"{TOKEN} {TOKEN[::-1]}", "a blank"), (f"{TOKEN}é", "a letter")],
    ids=["line end", "blank", "letter"],
)
@pytest.mark.parametrize("user", USERS)
def test_a_token_that_is_no_header_is_one_line_without_it(  # noqa: PLR0917 fixtures and parameters
    server: FakeApi, project: Path, gx: Gx, monkeypatch: pytest.MonkeyPatch, user: User, text: str, what: str
) -> None:
    edit(project, "devnet", put("clusterUid", UID))
    kubeconfig = write_kubeconfig(project / "kubeconfig", server.url, user(project, text))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    done = gx("adopt", "devnet", "--context", "test", cwd=project)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert f"the user's token: holds {what} that a header cannot carry" in done.stderr
    assert TOKEN not in done.stderr + done.stdout
    assert TOKEN[::-1] not in done.stderr + done.stdout
    assert server.seen == []


def test_a_token_that_becomes_bad_on_the_way_is_refused(server: FakeApi, tmp_path: Path) -> None:
    api = KubernetesApi.connect(write_kubeconfig(tmp_path / "kubeconfig", server.url, _from_program(tmp_path, TOKEN)))
    _from_program(tmp_path, f"{TOKEN}\n{TOKEN}")
    with pytest.raises(InputError, match=r"holds a line end"):
        api.uid()
    api.close()


@pytest.mark.parametrize("token", ["", " ", "\n"], ids=repr)
def test_no_token_is_sent_as_none(server: FakeApi, tmp_path: Path, token: str) -> None:
    """An empty `token:` is none, for kubectl too; one of blanks is a mistake."""
    path = write_kubeconfig(tmp_path / "kubeconfig", server.url, {"token": token})
    if token:
        with pytest.raises(InputError, match=r"the user's token: is empty"):
            KubernetesApi.connect(path)
    else:
        assert KubernetesApi.connect(path).uid() == UID
        assert server.tokens == [""]


def test_user_and_password_are_sent_as_they_are(server: FakeApi, tmp_path: Path) -> None:
    user = {"username": "somebody", "password": "with blanks inside"}
    api = KubernetesApi.connect(write_kubeconfig(tmp_path / "kubeconfig", server.url, user))
    assert api.uid() == UID
    assert server.tokens == ["Basic c29tZWJvZHk6d2l0aCBibGFua3MgaW5zaWRl"]
    assert "c29tZWJvZHk6d2l0aC" not in masked(server.tokens[0])
    api.close()


BROKEN: dict[str, dict[str, Any]] = {
    "a null certificate beside a token": {"token": TOKEN, "client-certificate-data": None},
    "a broken certificate beside a token": {"token": TOKEN, "client-certificate-data": "="},
    "a null token beside a key": {"token": None, "client-key-data": TOKEN},
    "a number beside a password": {"username": 5, "password": TOKEN},
    "a provider without its settings": {"auth-provider": {"name": "oidc", "config": {"refresh-token": TOKEN}}},
    "a program without a version": {"exec": {"command": "x", "env": [{"name": "MY_TOKEN", "value": TOKEN}]}},
}


@pytest.mark.parametrize("user", BROKEN.values(), ids=list(BROKEN))
def test_a_broken_entry_is_not_shown_with_its_secrets(
    project: Path, gx: Gx, monkeypatch: pytest.MonkeyPatch, user: dict[str, Any]
) -> None:
    """The library's message holds the entry with all that is in it."""
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(project / "kubeconfig", "https://127.0.0.1:1", user)))
    done = gx("adopt", "devnet", "--context", "test", cwd=project)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert TOKEN not in done.stderr + done.stdout
    assert "{" not in done.stderr


NO_LOGIN = {
    "exits with 1": "#!/bin/sh\necho 'please run: cloud login' >&2\nexit 1\n",
    "prints nothing": "#!/bin/sh\n",
    "prints a text": "#!/bin/sh\necho hello\n",
    "prints no token": '#!/bin/sh\necho \'{"apiVersion":"client.authentication.k8s.io/v1","status":{}}\'\n',
}


@pytest.mark.parametrize("program", NO_LOGIN.values(), ids=list(NO_LOGIN))
def test_a_program_that_logs_nobody_in_is_one_line_and_asks_nothing(
    server: FakeApi, project: Path, gx: Gx, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """The library only logs that, and would ask as nobody: the server then speaks of rights."""
    user = _from_program(project, TOKEN)
    Path(user["exec"]["command"]).write_text(program)
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(project / "kubeconfig", server.url, user)))
    done = gx("adopt", "devnet", "--context", "test", cwd=project)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "the user's login: gave no credentials, so nothing was asked" in done.stderr
    assert "log in" in done.stderr
    assert server.seen == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_knows_nobody_asks_for_a_login_and_for_no_right(
    server: FakeApi, tmp_path: Path, status: int
) -> None:
    error = ApiError(status, "Forbidden", 'deployments.apps is forbidden: User "system:anonymous" cannot list resource')
    api = KubernetesApi.connect(write_kubeconfig(tmp_path / "kubeconfig", server.url, {}))
    assert "log in" in str(unreadable(api, error))
    with pytest.raises(InputError, match=r"log in") as caught, explained(api, fix="bind a role"):
        raise error
    assert "bind" not in f"{unreadable(api, error)}{caught.value}"
    assert "bind the user" in str(unreadable(api, ApiError(403, "Forbidden", 'User "somebody" cannot list resource')))
