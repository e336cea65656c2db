"""`gx rotate`: what it writes into a stack file, and when it refuses."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalogue.secrets import GENERATED
from settings.offline import offline_settings
from settings.project import ROOT, one_writer
from tests.helpers.command import gx_words

Gx = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def untouched(project: Path) -> Path:
    """Return a copy of the project with the stack file as people wrote it, comments included."""
    (project / "Pulumi.mainnet.yaml").write_text((ROOT / "Pulumi.mainnet.yaml").read_text())
    return project


def test_only_the_epoch_is_written(gx: Gx, untouched: Path) -> None:
    file = untouched / "Pulumi.mainnet.yaml"
    before = file.read_text()
    shown = gx("rotate", "mainnet", "nextauthSecret", cwd=untouched)
    assert shown.returncode == 0, shown.stderr
    assert "secretEpochs.nextauthSecret is 2 now" in shown.stdout
    assert "every user is logged out" in shown.stdout
    after = file.read_text()
    assert after.replace("  gx-infra:secretEpochs:\n    nextauthSecret: 2\n", "") == before
    assert offline_settings("mainnet", untouched).stack.epoch("nextauthSecret") == 2


def test_it_says_what_restarts_before_it_writes(gx: Gx, untouched: Path) -> None:
    before = (untouched / "Pulumi.mainnet.yaml").read_text()
    shown = gx("rotate", "mainnet", "nextauthSecret", "--explain", cwd=untouched)
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0] == "the wallet restarts and every user is logged out"
    assert "  secret rotated: RandomPassword/nextauthSecret-2 a new value; its readers restart" in lines
    assert "  restart: Deployment/gx-wallet-frontend 1 pod" in lines
    assert not [line for line in lines if "svc-messaging" in line], "nobody else restarts"
    assert lines[-1] == "mainnet: nothing was written"
    assert (untouched / "Pulumi.mainnet.yaml").read_text() == before


@pytest.mark.parametrize(("secret", "key"), [("nextauthSecret", "nextauthSecret"), ("minioRoot", "minioRootPassword")])
def test_an_adopted_secret_changes_only_on_purpose(gx: Gx, untouched: Path, secret: str, key: str) -> None:
    file = untouched / "Pulumi.mainnet.yaml"
    file.write_text(f"{file.read_text()}  gx-infra:{key}:\n    secure: v1:abc\n")
    before = file.read_text()
    shown = gx("rotate", "mainnet", secret, cwd=untouched)
    assert shown.returncode == 2
    assert f"gx-infra:{key}: holds the live value of {secret} and wins over every epoch" in shown.stderr
    assert f"pulumi config rm -s mainnet {key}" in shown.stderr
    assert file.read_text() == before


def test_a_second_key_keeps_the_first_until_it_is_retired(gx: Gx, untouched: Path) -> None:
    shown = gx("rotate", "mainnet", "minioMessagingUser", cwd=untouched)
    assert "the old value stays valid until `gx rotate mainnet minioMessagingUser --retire" in shown.stdout
    again = gx("rotate", "mainnet", "minioMessagingUser", cwd=untouched)
    assert again.returncode == 2
    assert "epoch 1 is not retired yet: three values would be valid at once" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["mainnet", "jwtSecret"], "is not generated here"),
        (["mainnet", "minioRoot", "--retire", "--context", "x"], "has no old value beside the new one"),
        (["mainnet", "minioMessagingUser", "--retire"], "--context: is needed"),
        (["nowhere", "minioRoot"], "nowhere"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(gx: Gx, untouched: Path, arguments: list[str], line: str) -> None:
    before = (untouched / "Pulumi.mainnet.yaml").read_text()
    shown = gx("rotate", *arguments, cwd=untouched)
    assert shown.returncode == 2
    assert line in shown.stderr
    assert shown.stderr.count("\n") == 1
    assert (untouched / "Pulumi.mainnet.yaml").read_text() == before


def test_the_runbook_of_rotations_names_every_secret() -> None:
    text = (ROOT / "docs/runbooks/rotation-list.md").read_text() + (ROOT / "docs/runbooks/rotate-s3-key.md").read_text()
    assert [row.name for row in GENERATED.values() if row.name not in text] == []


WRITERS = [
    ("rotate", "mainnet", "nextauthSecret"),
    ("promote", "devnet", "testnet", "--context", "none"),
    ("adopt", "mainnet", "--context", "none", "--write"),
]


@pytest.mark.parametrize("command", WRITERS, ids=lambda command: command[0])
def test_a_command_that_writes_waits_for_another_one(untouched: Path, command: tuple[str, ...]) -> None:
    before = (untouched / "Pulumi.mainnet.yaml").read_text()
    with one_writer(untouched):
        second = subprocess.Popen(gx_words(*command), cwd=untouched, stderr=subprocess.PIPE, text=True)
        assert second.stderr is not None
        assert second.stderr.readline() == "another gx command changes files of this project: waiting for it\n"
        assert second.poll() is None
        assert (untouched / "Pulumi.mainnet.yaml").read_text() == before
    second.communicate(timeout=120)
    assert second.returncode == (0 if command[0] == "rotate" else 2)


def test_two_rotations_at_once_are_both_kept(gx: Gx, untouched: Path) -> None:
    names = ("nextauthSecret", "minioMessagingUser")
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(gx, "rotate", "mainnet", name, cwd=untouched) for name in names]
    assert [done.result().returncode for done in running] == [0, 0]
    stack = offline_settings("mainnet", untouched).stack
    assert [stack.epoch(name) for name in names] == [2, 2]
