"""Restore, off-site copy, drill and metrics: on real servers, with keys that may do no more than they must."""

import hashlib
import json
import time
from typing import Any

import httpx
import pyrage  # pyright: ignore[reportMissingTypeStubs]
import pytest

from components.minio_storage.policies import policy as policy_of
from settings.offline import offline_settings
from tests.data.servers import BUCKET, STATUS, Minio, Runs, contents, put
from tests.data.test_backup import ODD_NAMES, said
from tests.helpers.network import free_port
from wiring import bucket_users

OFFSITE = "copies"
NEVER_DELETE = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:GetBucketLocation"],
            "Resource": [f"arn:aws:s3:::{OFFSITE}"],
        },
        {
            "Effect": "Allow",
            "Action": ["s3:GetBucketObjectLockConfiguration"],
            "Resource": [f"arn:aws:s3:::{OFFSITE}"],
        },
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": [f"arn:aws:s3:::{OFFSITE}/*"]},
    ],
}
OBJECTS = {f"files/c{n % 4}/{n}.jpg": bytes([n]) * 5000 for n in range(60)}


def objects_of(minio: Minio, bucket: str) -> dict[str, tuple[bytes, str]]:
    client = minio.client()
    return {
        key: (body, client.head_object(Bucket=bucket, Key=key)["ContentType"])
        for key, body in contents(minio, bucket).items()
    }


@pytest.fixture
def filled(runs: Runs, minio: Minio) -> Runs:
    """Return runs with one snapshot of objects of many names and two content types."""
    put(minio, OBJECTS, ContentType="audio/ogg")
    put(minio, {name: name.encode() for name in ODD_NAMES})
    put(minio, {"voice/temp/c/1": b""}, ContentType="audio/webm")
    runs.backup()
    return runs


def test_a_dry_run_writes_nothing(filled: Runs, minio: Minio) -> None:
    code, output = filled.run("restore", "newest", "--into", f"{BUCKET}-restored")
    assert code == 0, output
    assert "dry run: 78 objects would be written" in output
    assert f"{BUCKET}-restored" not in minio.mc("ls", "gx").stdout


def test_what_was_kept_comes_back(filled: Runs, minio: Minio) -> None:
    code, output = filled.run("restore", "newest", "--into", f"{BUCKET}-restored", "--execute")
    assert code == 0, output
    assert "restored and proven: 78 objects" in output
    assert objects_of(minio, f"{BUCKET}-restored") == objects_of(minio, BUCKET)


def test_a_bucket_with_objects_is_left_alone_unless_told(filled: Runs, minio: Minio) -> None:
    client = minio.client()
    before = contents(minio)
    put(minio, {"files/c0/0.jpg": b"changed since", "files/later": b"later"})
    client.delete_object(Bucket=BUCKET, Key="files/c1/1.jpg")
    code, output = filled.run("restore", "newest", "--into", BUCKET, "--execute")
    assert code == 1
    assert f"{BUCKET} is not empty; nothing was written" in output
    assert "files/c1/1.jpg" not in contents(minio)
    code, output = filled.run("restore", "newest", "--into", BUCKET, "--execute", "--over")
    assert code == 0, output
    assert contents(minio) == before | {"files/later": b"later"}


def test_damaged_files_are_not_called_restored(filled: Runs) -> None:
    folder = filled.volume / "snapshots" / filled.snapshots()[0]
    (folder / "data/files/c0/0.jpg").write_bytes(b"\0" * 5000)
    (folder / "data/files/c1/1.jpg").write_bytes(b"rotten")
    code, output = filled.run("restore", "newest", "--into", f"{BUCKET}-x", "--execute")
    assert code == 1
    assert "'files/c1/1.jpg'" in output
    assert "77 of 78 objects are restored and proven in" in output
    assert "restored and proven: " not in output


def test_what_the_target_refuses_of_one_object_costs_no_other(filled: Runs, minio: Minio) -> None:
    """A server with a smaller limit for metadata: the object is there without it, and named."""
    folder = filled.volume / "snapshots" / filled.snapshots()[0]
    manifest, proof = folder / "manifest.jsonl", folder / "metadata.json"
    kept = [json.loads(line) for line in manifest.read_text().splitlines()]
    next(one for one in kept if one["key"] == "files/c0/0.jpg")["headers"]["x-amz-meta-long"] = "x" * 4000
    manifest.write_text("".join(json.dumps(one) + "\n" for one in kept))
    said_of_it = json.loads(proof.read_text())
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
    proof.write_text(json.dumps({**said_of_it, "manifest_sha256": digest, "manifest_bytes": manifest.stat().st_size}))
    code, output = filled.run("restore", "newest", "--into", f"{BUCKET}-restored", "--execute")
    assert code == 1
    assert "77 of 78 objects are restored and proven in" in output
    assert "'files/c0/0.jpg' is there without its headers: " in output
    assert contents(minio, f"{BUCKET}-restored") == contents(minio)


def test_a_changed_manifest_is_refused(filled: Runs) -> None:
    manifest = filled.volume / "snapshots" / filled.snapshots()[0] / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace("5000", "5001", 1))
    code, output = filled.run("restore", "newest", "--into", f"{BUCKET}-x", "--execute")
    assert code == 1
    assert "was changed since it was proven" in output


@pytest.mark.parametrize(
    ("stamp", "line"), [("yesterday", "is no snapshot's name"), ("20200101T000000Z", "there is no complete snapshot")]
)
def test_a_snapshot_that_does_not_exist(filled: Runs, stamp: str, line: str) -> None:
    code, output = filled.run("restore", stamp, "--into", f"{BUCKET}-x")
    assert code == 1
    assert line in output


def test_a_server_that_dies_during_a_restore(own_runs: Runs, own_minio: Minio) -> None:
    put(own_minio, {f"files/{n}": bytes(30_000) for n in range(300)})
    own_runs.backup()
    with own_runs.start("restore", "newest", "--into", f"{BUCKET}-x", "--execute") as process:
        time.sleep(1.2)
        own_minio.kill()
        output, _ = process.communicate(timeout=120)
    own_minio.start()
    if process.returncode == 0:
        assert contents(own_minio, f"{BUCKET}-x") == contents(own_minio)
    else:
        assert "restore failed" in output


@pytest.fixture
def offsite(minio: Minio, runs: Runs) -> Runs:
    """Give the runs a bucket elsewhere, and a key that may never delete."""
    minio.client().create_bucket(Bucket=OFFSITE)
    policy = minio.folder / "never-delete.json"
    policy.write_text(json.dumps(NEVER_DELETE))
    minio.mc("admin", "policy", "create", "gx", "never-delete", str(policy))
    minio.mc("admin", "user", "add", "gx", "writer", "writer-secret")
    minio.mc("admin", "policy", "attach", "gx", "never-delete", "--user", "writer")
    runs.env.update(
        OFFSITE_S3_ENDPOINT=minio.url,
        OFFSITE_BUCKET=OFFSITE,
        OFFSITE_PREFIX="gx/devnet/",
        OFFSITE_AWS_ACCESS_KEY_ID="writer",
        OFFSITE_AWS_SECRET_ACCESS_KEY="writer-secret",
    )
    return runs


def test_the_newest_snapshot_goes_off_site_and_comes_back(offsite: Runs, filled: Runs, minio: Minio) -> None:
    code, output = offsite.run("offsite")
    assert code == 0, output
    assert "78 objects" in output
    assert "neither object lock nor versions, or this key may not ask: whoever steals the key can overwrite" in output
    assert "the copies are not encrypted: whoever can read the bucket can read every message" in output
    assert said(minio, "offsite.json")["proven"] == filled.snapshots()[0]
    code, output = offsite.run("offsite")
    assert code == 0
    assert "complete already" in output
    for path in filled.volume.iterdir():
        path.rename(path.with_name("lost"))
    code, output = offsite.run("restore", "newest", "--into", f"{BUCKET}-restored", "--execute", "--offsite")
    assert code == 0, output
    assert objects_of(minio, f"{BUCKET}-restored") == objects_of(minio, BUCKET)


def test_encrypted_copies_tell_nothing_and_come_back_with_the_identity_alone(
    offsite: Runs, filled: Runs, minio: Minio
) -> None:
    age: Any = pyrage
    identity, other = (str(age.x25519.Identity.generate()) for _ in range(2))
    code, output = offsite.run("offsite", OFFSITE_AGE_IDENTITY=identity)
    assert code == 0, output
    assert "encrypted" not in output
    assert said(minio, "offsite.json")["encrypted"] is True
    stored = contents(minio, OFFSITE)
    assert not [key for key in stored if "files" in key], "no name of an object"
    assert not [key for key, body in stored.items() if any(one in body for one in OBJECTS.values())]
    put(minio, {"files/new": b"new"})
    filled.backup()
    code, output = offsite.run("offsite", OFFSITE_AGE_IDENTITY=identity)
    assert "78 objects were copied by the server" in output
    assert "complete already" in offsite.run("offsite", OFFSITE_AGE_IDENTITY=identity)[1]
    for path in filled.volume.iterdir():
        path.rename(path.with_name("lost"))
    command = ("restore", "newest", "--into", f"{BUCKET}-restored", "--execute", "--offsite")
    for wrong, line in (("", "has no identity"), (other, "cannot be decrypted"), ("AGE-1", "no identity of age")):
        code, output = offsite.run(*command, OFFSITE_AGE_IDENTITY=wrong)
        assert (code, line in output) == (1, True), output
    code, output = offsite.run(*command, OFFSITE_AGE_IDENTITY=identity)
    assert code == 0, output
    assert objects_of(minio, f"{BUCKET}-restored") == objects_of(minio, BUCKET)


def test_a_damaged_file_does_not_leave_the_cluster_as_a_good_one(offsite: Runs, filled: Runs) -> None:
    folder = filled.volume / "snapshots" / filled.snapshots()[0]
    (folder / "data/files/c0/0.jpg").write_bytes(b"\1" * 5000)
    code, output = offsite.run("offsite")
    assert (code, "the snapshot's file of 'files/c0/0.jpg' is damaged" in output) == (1, True), output


def test_what_is_there_already_is_copied_by_the_server(offsite: Runs, filled: Runs, minio: Minio) -> None:
    offsite.run("offsite")
    put(minio, {"files/new": b"new"})
    filled.backup()
    code, output = offsite.run("offsite")
    assert code == 0, output
    assert "78 objects were copied by the server" in output
    assert "79 objects" in output


def test_a_copy_that_was_cut_off_is_completed_and_until_then_counts_for_nothing(
    offsite: Runs, filled: Runs, minio: Minio
) -> None:
    offsite.run("offsite")
    stamp = filled.snapshots()[0]
    root = f"gx/devnet/snapshots/{stamp}"
    client = minio.client()
    client.delete_object(Bucket=OFFSITE, Key=f"{root}/metadata.json")
    client.delete_object(Bucket=OFFSITE, Key=f"{root}/objects/0000000003")
    client.put_object(Bucket=OFFSITE, Key=f"{root}/objects/0000000004", Body=b"half")
    code, output = offsite.run("restore", stamp, "--into", f"{BUCKET}-x", "--offsite")
    assert code == 1
    assert f"holds no complete snapshot {stamp}" in output
    code, output = offsite.run("offsite")
    assert code == 0, output
    code, output = offsite.run("restore", stamp, "--into", f"{BUCKET}-x", "--offsite", "--execute")
    assert code == 0, output


def test_a_key_that_may_delete_is_named(offsite: Runs, filled: Runs) -> None:
    filled.env.update(OFFSITE_AWS_ACCESS_KEY_ID="root-of-the-test", OFFSITE_AWS_SECRET_ACCESS_KEY="")
    code, output = offsite.run("offsite", OFFSITE_AWS_SECRET_ACCESS_KEY="root-password-of-the-test")
    assert code == 0, output
    assert "warning: this key may delete" in output


def test_object_lock_is_used_and_reported(offsite: Runs, filled: Runs, minio: Minio) -> None:
    minio.mc("rb", "--force", f"gx/{OFFSITE}")
    minio.mc("mb", "--with-lock", f"gx/{OFFSITE}")
    code, output = offsite.run("offsite")
    assert code == 0, output
    assert "object lock without a default retention" in output
    minio.mc("retention", "set", "--default", "GOVERNANCE", "1d", f"gx/{OFFSITE}")
    put(minio, {"files/new": b"new"})
    stamp = filled.backup()
    code, output = offsite.run("offsite")
    assert code == 0, output
    assert said(minio, "offsite.json")["lock"] == "GOVERNANCE 1 days"
    head = minio.client().head_object(Bucket=OFFSITE, Key=f"gx/devnet/snapshots/{stamp}/objects/0000000003")
    assert head["ObjectLockMode"] == "GOVERNANCE"
    minio.mc("rm", "--recursive", "--force", "--versions", "--bypass", f"gx/{OFFSITE}")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"OFFSITE_AWS_ACCESS_KEY_ID": "nobody"}, "InvalidAccessKeyId"),
        ({"OFFSITE_BUCKET": "not-there"}, "cannot list"),
        ({"OFFSITE_S3_ENDPOINT": "http://127.0.0.1:1"}, "cannot list"),
    ],
)
def test_an_off_site_copy_that_never_left_is_a_failure(
    offsite: Runs, filled: Runs, minio: Minio, change: dict[str, str], line: str
) -> None:
    code, output = offsite.run("offsite", **change)
    assert code == 1
    assert line in output
    status = said(minio, "offsite.json")
    assert (status["state"], status["proven"]) == ("failed", None)
    assert filled.snapshots() != []


def test_what_was_proven_stays_said_when_a_later_run_fails(offsite: Runs, filled: Runs, minio: Minio) -> None:
    offsite.run("offsite")
    proven = filled.snapshots()[0]
    offsite.run("offsite", OFFSITE_BUCKET="not-there")
    assert said(minio, "offsite.json")["proven"] == proven


def test_a_drill_restores_and_compares_every_byte(filled: Runs, minio: Minio) -> None:
    code, output = filled.run("drill")
    assert code == 0, output
    assert "drill passed" in output
    assert "every byte and header compared" in output
    assert said(minio, "drill.json")["proven"] == filled.snapshots()[0]
    assert list((filled.volume.parent / "tmp").iterdir()) == [], "the throw-away server and its data are gone"
    assert set(minio.mc("ls", "gx").stdout.split()) >= {f"{BUCKET}/"}
    assert "restore-drill" not in minio.mc("ls", "gx").stdout, "the network's own server is not touched"


def test_a_drill_finds_a_rotten_file(filled: Runs, minio: Minio) -> None:
    folder = filled.volume / "snapshots" / filled.snapshots()[0]
    (folder / "data/files/c0/0.jpg").write_bytes(b"\1" * 5000)
    code, output = filled.run("drill")
    assert code == 1
    assert "'files/c0/0.jpg'" in output
    assert said(minio, "drill.json")["state"] == "failed"


def test_a_drill_needs_twice_the_room(filled: Runs) -> None:
    code, output = filled.run("drill", FREE_FLOOR_BYTES=str(1 << 60))
    assert code == 1
    assert "it needs twice that" in output


def test_a_drill_without_a_snapshot_fails(runs: Runs) -> None:
    code, output = runs.run("drill")
    assert code == 1
    assert "there is no complete snapshot" in output


def test_the_metrics_say_what_the_runs_said(offsite: Runs, filled: Runs) -> None:
    filled.run("drill")
    offsite.run("offsite", OFFSITE_BUCKET="not-there")
    port = free_port()
    with filled.start("metrics", METRICS_PORT=str(port)) as process:
        try:
            text = ""
            until = time.monotonic() + 20
            while "gx_backup_status_readable 1.0" not in text:
                assert time.monotonic() < until, text
                time.sleep(0.2)
                try:
                    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
                except httpx.HTTPError:
                    continue
        finally:
            process.terminate()
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert samples['gx_backup_run_success{run="backup"}'] == "1.0"
    assert samples['gx_backup_run_success{run="drill"}'] == "1.0"
    assert samples['gx_backup_run_success{run="offsite"}'] == "0.0"
    assert 'gx_backup_proven_timestamp_seconds{run="offsite"}' not in samples, "never proven is no time at all"
    assert float(samples['gx_backup_proven_timestamp_seconds{run="backup"}']) > time.time() - 600
    assert samples["gx_backup_objects"] == "78.0"
    assert samples["gx_backup_snapshots"] == "1.0"
    assert float(samples["gx_backup_volume_free_bytes"]) > 0


def test_the_users_of_backup_and_restore_suffice(filled: Runs, minio: Minio) -> None:
    statements = {user["purpose"]: user["statements"] for user in bucket_users(offline_settings("devnet"))}
    for purpose in ("backup", "restore"):
        policy = minio.folder / f"{purpose}.json"
        policy.write_text(policy_of(statements[purpose]))
        minio.mc("admin", "policy", "create", "gx", purpose, str(policy))
        minio.mc("admin", "user", "add", "gx", f"{purpose}-1", f"{purpose}-secret")
        minio.mc("admin", "policy", "attach", "gx", purpose, "--user", f"{purpose}-1")
    put(minio, {"files/new": b"new"})
    reader = {"AWS_ACCESS_KEY_ID": "backup-1", "AWS_SECRET_ACCESS_KEY": "backup-secret"}
    stamp = filled.backup(**reader)
    assert said(minio)["proven"] == stamp, "the status is written with the same key"
    assert filled.run("drill", **reader)[0] == 0
    writer = {"AWS_ACCESS_KEY_ID": "restore-1", "AWS_SECRET_ACCESS_KEY": "restore-secret"}
    for into, told in ((f"{BUCKET}-restored", ()), (BUCKET, ("--over",))):
        code, output = filled.run("restore", "newest", "--into", into, "--execute", *told, **writer)
        assert code == 0, output
    code, output = filled.run("restore", "newest", "--into", STATUS, "--execute", **writer)
    assert code == 1
    assert "cannot be looked at" in output
