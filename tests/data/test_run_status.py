"""What a run says of itself: "complete" and "proven" only if it came to its end, and never a key."""

import base64
import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from backup import status
from backup.config import RunEnvironment
from backup.run import masked, why
from settings.project import ROOT
from tests.helpers.strange_server import BUCKET, StrangeServer, running

STATUS, COPIES, STAMP, BEFORE = "gx-backup-status", "copies", "20251225T060000Z", "20251224T060000Z"
KEY_ID, SECRET = "id-of-the-test", "secret/of+the test&'\"\u00e9"
OBJECTS = {"files/a": b"one", "files/b": b"three"}


@pytest.fixture
def strange() -> Iterator[StrangeServer]:
    """Run a server that is the network's own and the one elsewhere, as runs that went well have left it."""
    with running(dict(OBJECTS)) as server:
        for name in ("backup", "offsite", "drill"):
            said = {"network": "devnet", "state": "complete", "message": "", "proven": BEFORE}
            server.stored[f"/{STATUS}/{name}.json"] = json.dumps(said).encode()
        yield server


def take(volume: Path) -> Path:
    """Write a complete snapshot as the format says it; return its folder."""
    folder = volume / "snapshots" / STAMP
    lines: list[str] = []
    for key, body in OBJECTS.items():
        (folder / "data" / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / "data" / key).write_bytes(body)
        md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
        each: dict[str, object] = {"key": key, "size": len(body), "etag": md5, "modified": "2025-12-25T06:00:00Z"}
        lines.append(json.dumps({**each, "headers": {}, "md5": md5, "file": f"data/{key}"}) + "\n")
    manifest = "".join(lines).encode()
    (folder / "manifest.jsonl").write_bytes(manifest)
    proof = {"network": "devnet", "bucket": BUCKET, "stamp": STAMP, "objects": 2, "bytes": 8, "seconds": 1.0}
    proof |= {"manifest_sha256": hashlib.sha256(manifest).hexdigest(), "manifest_bytes": len(manifest)}
    (folder / "metadata.json").write_text(json.dumps({**proof, "format": 1, "state": "complete"}))
    return folder


class Run:
    """Runs against the fake server; neither mc nor MinIO is needed for so few objects."""

    def __init__(self, server: StrangeServer, folder: Path) -> None:
        self.server = server
        self.volume = folder / "volume"
        self.volume.mkdir()
        programs = folder / "bin"
        programs.mkdir()
        fake = f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m tests.helpers.strange_server "$@"\n'
        (programs / "minio").write_text(fake)
        (programs / "minio").chmod(0o755)
        pair = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": "secret-of-the-test"}
        self.env = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(folder),
            "NETWORK": "devnet",
            "S3_ENDPOINT": server.url,
            "BUCKET": BUCKET,
            "STATUS_BUCKET": STATUS,
            "OFFSITE_S3_ENDPOINT": server.url,
            "OFFSITE_BUCKET": COPIES,
            "BACKUP_ROOT": str(self.volume),
            "DEADLINE_SECONDS": "60",
            "RETENTION_DAYS": "7",
            "KEEP_LEAST": "1",
            "MAX_SHRINK_PERCENT": "30",
            **{f"{prefix}{name}": value for prefix in ("", "OFFSITE_") for name, value in pair.items()},
        }

    def __call__(self, module: str, *arguments: str, **env: str) -> tuple[int, str]:
        """Run a module; return code and output, which is one line where it failed."""
        command = [sys.executable, "-m", f"backup.{'take' if module == 'backup' else module}", *arguments]
        done = subprocess.run(command, env={**self.env, **env}, capture_output=True, text=True, check=False, timeout=90)
        assert "secret-of-the-test" not in done.stdout + done.stderr
        if done.returncode:
            assert done.stderr.count("\n") == 1, done.stderr
        return done.returncode, done.stdout + done.stderr

    def said(self, name: str) -> dict[str, Any]:
        """Return the status of a kind of run."""
        return json.loads(self.server.stored[f"/{STATUS}/{name}.json"])


@pytest.fixture
def run(strange: StrangeServer, tmp_path: Path) -> Run:
    """Return runs on an empty volume."""
    return Run(strange, tmp_path)


ELSEWHERE: list[tuple[str, dict[str, str], str]] = [
    ("offsite", {"OFFSITE_S3_ENDPOINT": "https://my_bucket.example.com"}, "cannot be addressed"),
    ("offsite", {"OFFSITE_S3_REGION": "us east 1"}, "cannot be addressed"),
    ("offsite", {"OFFSITE_BUCKET": ""}, "the variable OFFSITE_BUCKET is not set"),
    ("offsite", {"DEADLINE_SECONDS": "soon"}, "is no number"),
    ("offsite", {"BACKUP_ROOT": "/proc/nope"}, "there is no complete snapshot"),
    ("drill", {"STRANGE_WITHOUT": "ETag"}, "without ETag"),
    ("drill", {"STRANGE_WITHOUT": "IsTruncated Size"}, "without Size"),
    ("drill", {"DEADLINE_SECONDS": "nan"}, "is no number"),
    ("drill", {"PATH": "/nowhere"}, "is on PATH"),
    ("drill", {"BACKUP_ROOT": "/proc/nope"}, "there is no complete snapshot"),
    ("backup", {"BACKUP_ROOT": "/proc/nope"}, "cannot write to /proc/nope/snapshots: No such file or directory"),
    ("backup", {"RETENTION_DAYS": "a week"}, "is no number"),
    ("backup", {"MAX_SHRINK_PERCENT": "nan"}, "is no number"),
    ("backup", {"EXPIRY_DAYS": "{"}, "unexpected JSONDecodeError"),
    ("backup", {"BUCKET": ""}, "the variable BUCKET is not set"),
]


@pytest.mark.parametrize(("module", "env", "line"), ELSEWHERE, ids=[f"{m} {e}" for m, e, _ in ELSEWHERE])
def test_a_run_that_fails_says_failed(run: Run, module: str, env: dict[str, str], line: str) -> None:
    take(run.volume)
    code, output = run(module, **env)
    assert code == 1, output
    assert line in output
    if env == {"BUCKET": ""}:
        return  # the status bucket is found by the same variables
    said = run.said(module)
    assert said["state"] == "failed"
    assert line in said["message"]
    assert said["proven"] == BEFORE, "what an earlier run has proven stays said"


def test_a_backup_that_fails_says_what_lies_on_the_volume_if_it_can(run: Run) -> None:
    take(run.volume)
    assert run("backup", RETENTION_DAYS="a week")[0] == 1
    assert [row["stamp"] for row in run.said("backup")["snapshots"]] == [STAMP]
    assert run("backup", BACKUP_ROOT="/proc/nope")[0] == 1
    assert "snapshots" not in run.said("backup"), "an empty list would be a statement"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"pages": {"": b"<html><br></html>"}}, "no document of S3"),
        ({"without": {"ETag"}}, "'files/a' without ETag"),
        ({"endless": True}, "is listed out of order"),
        ({"code": 204}, "status 204"),
    ],
    ids=["a login page", "no ETag", "endless", "no content"],
)
def test_a_backup_of_a_listing_that_cannot_be_trusted_fails(
    run: Run, strange: StrangeServer, change: dict[str, object], line: str
) -> None:
    vars(strange).update(change)
    code, output = run("backup")
    assert (code, line in output) == (1, True), output
    assert list(run.volume.glob("snapshots/2*")) == []
    assert run.said("backup")["state"] == "failed"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"cut": {"objects"}}, "does not give 1 of 1 objects"),
        ({"without": {"Content-Length"}}, "cannot read '../a' of gx-voice-messages: the answer has no content-length"),
        ({"without": {"Last-Modified"}}, "cannot read '../a' of gx-voice-messages: the answer has no last-modified"),
        ({"corrupt": {"../a"}}, "'../a': what was read differs from what the server lists"),
    ],
    ids=["cut", "no length", "no time", "other bytes"],
)
def test_an_object_that_is_not_answered_to_its_end_fails_the_backup(
    run: Run, strange: StrangeServer, change: dict[str, object], line: str
) -> None:
    strange.objects = {"../a": b"a name that leads elsewhere"}
    vars(strange).update(change)
    code, output = run("backup")
    assert (code, line in output) == (1, True), output
    assert run.said("backup")["state"] == "failed"


def test_runs_that_come_to_their_end_say_so(run: Run) -> None:
    take(run.volume)
    for module in ("drill", "offsite", "backup"):
        code, output = run(module, ACCEPTED_SHRINK=STAMP)
        assert code == 0, output
        said = run.said(module)
        assert (said["state"], said["message"]) == ("complete", "")
        newest = max(path.name for path in run.volume.glob("snapshots/2*"))
        assert said["proven"] == newest
    assert newest > STAMP


def test_an_off_site_copy_that_has_lost_an_object_is_not_said_to_be_proven_again(
    run: Run, strange: StrangeServer
) -> None:
    take(run.volume)
    assert run("offsite")[0] == 0
    assert run("offsite")[0] == 0
    del strange.stored[f"/{COPIES}/snapshots/{STAMP}/objects/0000000001"]
    code, output = run("offsite")
    assert code == 1
    assert "1 objects are missing or differ: ['0000000001']" in output
    assert run.said("offsite")["state"] == "failed"


def test_an_off_site_snapshot_of_another_network_is_not_taken_for_the_copy(run: Run, strange: StrangeServer) -> None:
    take(run.volume)
    assert run("offsite")[0] == 0
    proof = f"/{COPIES}/snapshots/{STAMP}/metadata.json"
    strange.stored[proof] = strange.stored[proof].replace(b"devnet", b"testnet")
    code, output = run("offsite")
    assert code == 1
    assert "holds another snapshot of this name, of testnet" in output


def test_a_damaged_manifest_is_not_copied_as_proven(run: Run, strange: StrangeServer) -> None:
    folder = take(run.volume)
    manifest = folder / "manifest.jsonl"
    manifest.write_bytes(b'{"key"' + b" " * (manifest.stat().st_size - 6))
    code, output = run("offsite")
    assert code == 1
    assert "was changed since it was proven" in output
    assert f"/{COPIES}/snapshots/{STAMP}/metadata.json" not in strange.stored


@pytest.mark.parametrize("left_out", ["state", "format"])
def test_a_snapshots_proof_that_leaves_out_its_state_is_none(run: Run, left_out: str) -> None:
    proof = take(run.volume) / "metadata.json"
    proof.write_text(json.dumps({k: v for k, v in json.loads(proof.read_text()).items() if k != left_out}))
    code, output = run("drill")
    assert code == 1
    assert "there is no complete snapshot" in output


def test_a_status_that_cannot_be_read_is_written_over(run: Run, strange: StrangeServer) -> None:
    strange.stored[f"/{STATUS}/drill.json"] = b"<html>Log in</html>"
    assert run("drill")[0] == 1
    assert (run.said("drill")["state"], run.said("drill")["proven"]) == ("failed", None)


@pytest.mark.parametrize(
    "stop",
    [
        SystemExit(0),
        SystemExit("bye"),
        KeyboardInterrupt(),
        GeneratorExit(),
        MemoryError(),
        KeyError("ETag"),
        OSError(5, "x"),
    ],
    ids=repr,
)
def test_whatever_stops_a_run_it_is_not_complete(run: Run, stop: BaseException) -> None:
    environment = RunEnvironment(run.env)

    def stopped() -> None:
        with status.reported(environment, status.DRILL) as said:
            said.proven = STAMP
            said.more = {"state": "complete", "proven": STAMP}
            raise stop

    with pytest.raises(type(stop)):
        stopped()
    document = run.said("drill")
    assert (document["state"], document["proven"]) == ("failed", BEFORE)
    assert document["message"]


def test_a_run_that_cannot_say_what_lies_there_is_not_complete(run: Run) -> None:
    def facts() -> status.Facts:
        raise OSError(2, "gone", "/backups")

    with pytest.raises(OSError, match="gone"), status.reported(RunEnvironment(run.env), status.BACKUP, facts) as said:
        said.proven = STAMP
    assert run.said("backup")["state"] == "failed"


def test_a_drill_waits_until_its_server_knows_its_keys(run: Run) -> None:
    """A store that has just started answers 503 for a while, longer on a busy node, though its port is open."""
    take(run.volume)
    code, output = run("drill", STRANGE_STARTING="8")
    assert "503" not in output
    assert (code, "drill passed" in output) == (0, True), output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_stop_says_so(run: Run, number: int) -> None:
    script = "import os, sys; from backup import drill; from backup.run import finish\n"
    script += f"drill.drill = lambda *a: os.kill(os.getpid(), {number})\n"
    script += "sys.exit(finish('restore drill', drill.main))"
    take(run.volume)
    done = subprocess.run([sys.executable, "-c", script], env=run.env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("restore drill failed: was ")
    assert done.stderr.count("\n") == 1
    assert (run.said("drill")["state"], run.said("drill")["proven"]) == ("failed", BEFORE)


def test_a_failure_of_a_kind_that_nobody_knows_is_one_line_without_keys(run: Run) -> None:
    script = "import os, sys; from backup import drill; from backup.run import finish, say\n"
    script += "secret = os.environ['AWS_SECRET_ACCESS_KEY']\n"
    script += (
        "def fail(*a):\n    say(f'log: {secret}')\n    raise RuntimeError(f'first {secret!r}\\nsecond {secret}')\n"
    )
    script += "drill.drill = fail\nsys.exit(finish('restore drill', drill.main))"
    take(run.volume)
    env = {**run.env, "AWS_SECRET_ACCESS_KEY": "secret/of+the'test"}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == "log: ***\n"
    assert done.stderr.startswith("restore drill failed: unexpected RuntimeError: first ")
    assert done.stderr.count("\n") == 1
    assert "of+the" not in done.stderr + json.dumps(run.said("drill"))
    assert "***" in run.said("drill")["message"]


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "JSON": json.dumps,
    "percent": lambda text: quote(text, safe=""),
    "percent, slashes kept": quote,
    "percent, small": lambda text: quote(text, safe="").replace("%C3%A9", "%c3%a9").replace("%2B", "%2b"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "Basic": lambda text: base64.b64encode(f"{KEY_ID}:{text}".encode()).decode(),
    "hex": lambda text: text.encode().hex(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "OFFSITE_AWS_SECRET_ACCESS_KEY"])
def test_a_key_is_masked_in_every_form(monkeypatch: pytest.MonkeyPatch, name: str, form: Callable[[str], str]) -> None:
    monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv(name.replace("SECRET_ACCESS_KEY", "ACCESS_KEY_ID"), KEY_ID)
    shown = form(SECRET)
    inner = shown.strip("'\"b")[3:-3]
    for text in (masked(f"before {shown} behind"), why(RuntimeError(f"before\n{shown}\nbehind"))):
        assert inner not in text
        assert "before" in text, "the rest stays"
        assert "behind" in text
    assert KEY_ID not in masked(f"{KEY_ID} {base64.b64encode(KEY_ID.encode()).decode()}")


def test_the_identity_of_the_off_site_copy_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFSITE_AGE_IDENTITY", "AGE-SECRET-KEY-1OFTHETEST")
    assert masked("cannot use AGE-SECRET-KEY-1OFTHETEST") == "cannot use ***"


def test_a_key_that_is_a_common_word_is_masked_as_a_word_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "backup-1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "gx")
    assert (
        masked("minio-backup-1 backup-1: gx-voice gx, https://u:pw@host/")
        == "minio-backup-1 ***: gx-voice ***, https://***@host/"
    )


@pytest.mark.parametrize("error", [KeyError(), RuntimeError(""), SystemExit(), OSError(), KeyboardInterrupt()])
def test_a_failure_always_has_words(error: BaseException) -> None:
    assert why(error).strip()
    assert "\n" not in why(error)
