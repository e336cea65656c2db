"""`gx backups` on a real MinIO: what the person on call reads, and the exit code that a monitor reads."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.errors import InputError
from gx.backups.overview import overview
from gx.cluster.port_forward import forwarded
from settings.offline import offline_settings
from tests.data.servers import ROOT_PASSWORD, ROOT_USER, STATUS, Minio, Runs, put
from tests.data.test_backup_failures import age
from tests.helpers.command import run_gx


def gx_backups(minio: Minio, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    keys = {"AWS_ACCESS_KEY_ID": ROOT_USER, "AWS_SECRET_ACCESS_KEY": ROOT_PASSWORD, "COLUMNS": "200"}
    return run_gx("backups", "devnet", "--endpoint", minio.url, *arguments, env={**keys, **env})


def test_snapshots_are_listed_with_age_size_state_and_drill(runs: Runs, minio: Minio) -> None:
    put(minio, {"files/a": bytes(3 << 20)})
    older = age(runs, runs.backup(), hours=6)
    newest = runs.backup()
    runs.run("drill")
    shown = gx_backups(minio)
    assert shown.returncode == 0, shown.stderr
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert lines[0][:3] == ["snapshot", "age", "where"]
    assert (lines[1][0], lines[1][-1]) == (newest, "passed")
    assert lines[2][0] == older
    assert "3.0 MiB  complete  passed" in shown.stdout
    assert "offsite: never ran" in shown.stdout
    assert "Traceback" not in shown.stderr


def test_a_snapshot_that_is_too_old_is_an_alarm(runs: Runs, minio: Minio) -> None:
    put(minio, {"files/a": b"x"})
    age(runs, runs.backup(), hours=8)
    runs.run("take", BUCKET="gone")
    shown = gx_backups(minio)
    assert shown.returncode == 1
    assert "8 h 0 min old, more than 7 h 0 min" in shown.stdout
    assert "backup: failed 0 min ago: cannot list gone: NoSuchBucket" in shown.stdout


def test_no_snapshot_is_an_alarm(minio: Minio) -> None:
    shown = gx_backups(minio)
    assert shown.returncode == 1
    assert "devnet: no complete snapshot" in shown.stdout
    assert "backup: never ran, or its status was lost" in shown.stdout


def test_programs_read_json(runs: Runs, minio: Minio) -> None:
    put(minio, {"files/a": b"x"})
    newest = runs.backup()
    (runs.volume / "snapshots/20200101T000000Z").mkdir()
    runs.backup()
    document = json.loads(gx_backups(minio, "--json").stdout)
    assert document["tooOld"] is False
    assert [row["stamp"] for row in document["snapshots"]][1:] == [newest, "20200101T000000Z"]
    assert document["snapshots"][-1]["state"].startswith("no snapshot: ")
    assert document["runs"]["backup"]["state"] == "complete"


@pytest.mark.parametrize(
    ("env", "line"),
    [
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "InvalidAccessKeyId"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID: is not set in the environment"),
    ],
)
def test_keys_that_do_not_fit_are_one_line(minio: Minio, env: dict[str, str], line: str) -> None:
    shown = gx_backups(minio, **env)
    assert shown.returncode == 2
    assert line in shown.stderr
    assert shown.stderr.count("\n") == 1


def test_a_status_that_is_no_json_is_one_line(minio: Minio) -> None:
    put(minio, {"backup.json": b"<html>"}, bucket=STATUS)
    shown = gx_backups(minio)
    assert shown.returncode == 2
    assert f"backup.json of {STATUS} is no JSON" in shown.stderr


def fake_kubectl(folder: Path, script: str) -> str:
    folder.mkdir()
    (folder / "kubectl").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "kubectl").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_a_forwarded_port_ends_with_the_command(minio: Minio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake says what the real kubectl says; the keys come from a Secret in tests/engine."""
    script = f'echo $$ >{tmp_path}/pid; echo "Forwarding from 127.0.0.1:{minio.port} -> 9000"; exec sleep 60'
    monkeypatch.setenv("PATH", fake_kubectl(tmp_path / "bin", script))
    with forwarded("backend-devnet", "some") as address:
        assert address == minio.url
    pid = (tmp_path / "pid").read_text().strip()
    assert not Path(f"/proc/{pid}").exists()


def test_without_kubectl_the_fix_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="name it with --endpoint"), forwarded("backend-devnet", ""):
        pass
    monkeypatch.setenv("PATH", fake_kubectl(tmp_path / "bin", 'echo "error: services \\"minio\\" not found"; exit 1'))
    with pytest.raises(InputError, match="not found"), forwarded("backend-devnet", ""):
        pass


def test_off_site_snapshots_are_listed_beside(runs: Runs, minio: Minio, project: Path) -> None:
    """Through the functions of the command: its settings ask for TLS, which the server of the test lacks."""
    put(minio, {"files/a": b"x"})
    stamp = runs.backup()
    minio.client().create_bucket(Bucket="copies")
    keys = {"OFFSITE_AWS_ACCESS_KEY_ID": ROOT_USER, "OFFSITE_AWS_SECRET_ACCESS_KEY": ROOT_PASSWORD}
    code, output = runs.run("offsite", OFFSITE_S3_ENDPOINT=minio.url, OFFSITE_BUCKET="copies", **keys)
    assert code == 0, output
    put(minio, {"snapshots/20200101T000000Z/manifest.jsonl": b""}, bucket="copies")
    found = overview(offline_settings("devnet", project), minio.location(STATUS), minio.location("copies"))
    assert [(row.stamp, row.location, row.complete) for row in found.rows] == [
        (stamp, "volume", True),
        (stamp, "off-site", True),
        ("20200101T000000Z", "off-site", False),
    ]
    assert not found.too_old(datetime.now(UTC))
