"""Each way in which a backup can go wrong: it ends as failed or complete, never as a false success."""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from backup.snapshot import stamp_of
from tests.data.servers import BUCKET, Minio, Runs, put
from tests.data.test_backup import kept, require_proven, said

OBJECTS = {f"files/c/{number:04}": os.urandom(20_000) for number in range(400)}


def wait_for_partial(runs: Runs) -> None:
    """Wait until a run has begun to copy."""
    until = time.monotonic() + 30
    while not any(runs.volume.glob("snapshots/.partial-*/data/files/c/*")):
        assert time.monotonic() < until
        time.sleep(0.005)


@contextlib.contextmanager
def held(runs: Runs, process: "subprocess.Popen[str]") -> Generator[None]:
    """Hold a run still once it has begun to copy: however slow this machine is, it cannot be done."""
    wait_for_partial(runs)
    run = psutil.Process(process.pid)
    run.suspend()
    try:
        yield
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            run.resume()


def require_failed(runs: Runs, code: int, output: str, reason: str, snapshots: list[str]) -> None:
    assert code == 1, output
    assert reason in output, output
    assert runs.snapshots() == snapshots
    assert runs.leftovers() == []


def test_objects_that_come_go_and_change_while_they_are_copied(runs: Runs, minio: Minio) -> None:
    put(minio, OBJECTS)
    client, over = minio.client(), threading.Event()

    def disturb() -> None:
        number = 0
        while not over.is_set():
            client.put_object(Bucket=BUCKET, Key=f"files/c/{number % 400:04}", Body=os.urandom(20_000))
            client.put_object(Bucket=BUCKET, Key=f"files/c/new-{number}", Body=b"new")
            client.delete_object(Bucket=BUCKET, Key=f"files/c/{(number * 7) % 400:04}")
            client.delete_object(Bucket=BUCKET, Key=f"files/c/new-{number - 3}")
            number += 1

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        stamps = [runs.backup(MAX_SHRINK_PERCENT="100") for _ in range(3)]
    finally:
        over.set()
        thread.join()
    for stamp in stamps:
        require_proven(runs, stamp)
    contents = {frozenset(entry.etag for entry in kept(runs, stamp)) for stamp in stamps}
    assert len(contents) == len(stamps), "they did change"


def test_a_killed_run_leaves_no_snapshot_and_the_next_one_cleans_up(runs: Runs, minio: Minio) -> None:
    put(minio, OBJECTS)
    with runs.start("take") as process, held(runs, process):
        process.kill()
    assert runs.snapshots() == []
    assert len(runs.leftovers()) == 1
    stamp = runs.backup()
    assert require_proven(runs, stamp) == OBJECTS
    assert runs.leftovers() == []


def test_a_pod_that_is_told_to_stop_says_so_and_leaves_nothing(runs: Runs, minio: Minio) -> None:
    put(minio, OBJECTS)
    with runs.start("take") as process:
        with held(runs, process):
            process.terminate()
        output, _ = process.communicate(timeout=30)
    require_failed(runs, process.returncode, output, "was told to stop (SIGTERM)", [])
    assert said(minio)["state"] == "failed"


def test_two_runs_at_once(runs: Runs, minio: Minio) -> None:
    put(minio, OBJECTS)
    with runs.start("take") as first:
        with held(runs, first), runs.start("take") as second:
            output, _ = second.communicate(timeout=60)
        first.communicate(timeout=60)
    assert second.returncode == 1
    assert "another run holds" in output
    assert first.returncode == 0
    assert require_proven(runs, runs.snapshots()[0]) == OBJECTS


def test_a_server_that_restarts_in_the_middle(own_runs: Runs, own_minio: Minio) -> None:
    put(own_minio, OBJECTS)
    with own_runs.start("take") as process:
        wait_for_partial(own_runs)
        own_minio.kill()
        own_minio.start()
        output, _ = process.communicate(timeout=120)
    if process.returncode == 0:
        assert require_proven(own_runs, own_runs.snapshots()[0]) == OBJECTS
    else:
        require_failed(own_runs, process.returncode, output, "backup failed", [])


def test_a_server_that_goes_away_in_the_middle(own_runs: Runs, own_minio: Minio) -> None:
    put(own_minio, {"files/c/0": b"x"})
    before = own_runs.backup()
    put(own_minio, OBJECTS)
    with own_runs.start("take") as process:
        with held(own_runs, process):
            own_minio.kill()
        output, _ = process.communicate(timeout=120)
    own_minio.start()
    require_failed(own_runs, process.returncode, output, "backup failed", [before])


def test_a_server_that_hangs(own_runs: Runs, own_minio: Minio) -> None:
    put(own_minio, OBJECTS)
    with own_runs.start("take", DEADLINE_SECONDS="5") as process:
        with held(own_runs, process):
            own_minio.hang()
        output, _ = process.communicate(timeout=120)
    own_minio.go_on()
    require_failed(own_runs, process.returncode, output, "was not done after 5 s", [])


def test_a_run_that_takes_too_long_ends_itself(own_runs: Runs, own_minio: Minio) -> None:
    put(own_minio, OBJECTS)
    own_minio.hang()
    code, output = own_runs.run("take", DEADLINE_SECONDS="3")
    own_minio.go_on()
    require_failed(own_runs, code, output, "was not done after 3 s", [])


def test_a_server_that_is_not_there(runs: Runs) -> None:
    code, output = runs.run("take", S3_ENDPOINT="http://127.0.0.1:1", DEADLINE_SECONDS="30")
    require_failed(runs, code, output, "cannot list gx-voice-messages", [])


def test_a_bucket_that_is_not_there(runs: Runs) -> None:
    code, output = runs.run("take", BUCKET="gone")
    require_failed(runs, code, output, "NoSuchBucket", [])


def test_a_key_that_was_revoked(runs: Runs, minio: Minio) -> None:
    put(minio, {"files/a": b"x"})
    before = runs.backup()
    code, output = runs.run("take", AWS_ACCESS_KEY_ID="retired", AWS_SECRET_ACCESS_KEY="r" * 20)
    require_failed(runs, code, output, "InvalidAccessKeyId", [before])


def test_a_key_that_is_revoked_in_the_middle(runs: Runs, minio: Minio) -> None:
    put(minio, OBJECTS)
    minio.mc("admin", "user", "add", "gx", "reader", "reader-secret")
    minio.mc("admin", "policy", "attach", "gx", "readwrite", "--user", "reader")
    with runs.start("take", AWS_ACCESS_KEY_ID="reader", AWS_SECRET_ACCESS_KEY="reader-secret") as process:
        with held(runs, process):
            minio.mc("admin", "user", "disable", "gx", "reader")
        output, _ = process.communicate(timeout=60)
    if process.returncode == 0:  # the last object was copied before the key was gone
        assert require_proven(runs, runs.snapshots()[0]) == OBJECTS
    else:
        require_failed(runs, process.returncode, output, "Your account is disabled", [])


def test_an_object_that_the_server_has_lost_costs_no_other(own_runs: Runs, own_minio: Minio) -> None:
    whole = {f"files/{number}": b"x" for number in range(9)}
    put(own_minio, {**whole, "files/rotten": os.urandom(300_000)})
    part = next((own_minio.folder / "data" / BUCKET / "files/rotten").rglob("part.1"))
    part.write_bytes(part.read_bytes()[:-1000] + bytes(1000))
    code, output = own_runs.run("take")
    assert code == 0, output
    assert "complete but for 1 object ('files/rotten': " in output
    assert require_proven(own_runs, own_runs.snapshots()[0]) == whole
    document = said(own_minio)
    assert (document["state"], document["snapshots"][0]["leftOut"]) == ("complete", 1)  # type: ignore[index]
    assert "but for 1 object ('files/rotten': " in str(document["message"])
    assert own_runs.run("drill")[0] == 0, "the rest is restorable"
    own_runs.run("take", BUCKET="gone")
    document = said(own_minio)
    assert (document["state"], document["snapshots"][0]["leftOut"]) == ("failed", 1)  # type: ignore[index]


def test_a_server_that_gives_too_little_has_no_backup(own_runs: Runs, own_minio: Minio) -> None:
    put(own_minio, {"files/whole": b"x", "files/rotten": os.urandom(300_000)})
    part = next((own_minio.folder / "data" / BUCKET / "files/rotten").rglob("part.1"))
    part.write_bytes(part.read_bytes()[:-1000] + bytes(1000))
    code, output = own_runs.run("take")
    require_failed(own_runs, code, output, "does not give 1 of 2 objects, more than the 30 % that may be left out", [])


@contextlib.contextmanager
def small_disk(path: Path, size: str) -> Generator[None]:
    """Mount a memory disk of a size at a path."""
    if os.geteuid() != 0:
        assert not os.environ.get("CI"), "in CI no test may be missing: a small disk needs root"
        pytest.skip("a small disk needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "gx-test", str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_a_disk_without_room_is_refused_before_anything_is_copied(runs: Runs, minio: Minio) -> None:
    put(minio, OBJECTS)
    with small_disk(runs.volume, "4m"):
        code, output = runs.run("take")
        require_failed(runs, code, output, "this snapshot needs 8000000 and 0 must stay free; nothing was copied", [])


def test_the_floor_of_the_node_is_kept_free(runs: Runs, minio: Minio) -> None:
    put(minio, {"files/a": b"x"})
    code, output = runs.run("take", FREE_FLOOR_BYTES=str(1 << 60))
    require_failed(runs, code, output, "must stay free", [])


def test_a_disk_that_fills_in_the_middle(runs: Runs, minio: Minio) -> None:
    """Another writer takes the room when the run has begun: what is then left is too little for the new objects."""
    put(minio, {"files/c/0": b"x"})
    with small_disk(runs.volume, "20m"):
        before = runs.backup()
        put(minio, OBJECTS)
        writer = runs.volume / "another-writer"
        with runs.start("take") as process:
            with held(runs, process), writer.open("wb") as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(1 << 16))
                    file.flush()
            output, _ = process.communicate(timeout=60)
        require_failed(runs, process.returncode, output, "the volume is full", [before])
        writer.unlink()
        assert require_proven(runs, runs.backup()).keys() == OBJECTS.keys() | {"files/c/0"}


def test_an_emptied_or_shrunken_bucket_stops_the_backup(runs: Runs, minio: Minio) -> None:
    put(minio, OBJECTS)
    before = runs.backup()
    for key in list(OBJECTS)[:119]:
        minio.client().delete_object(Bucket=BUCKET, Key=key)
    allowed = runs.backup()  # 29.75 % are gone, 30 % may be
    minio.mc("rm", "--recursive", "--force", f"gx/{BUCKET}/files")
    code, output = runs.run("take")
    require_failed(runs, code, output, f"set backup.acceptedShrink to {allowed}", [before, allowed])
    assert "281 of 281 objects (100 % by number or size) are gone or overwritten" in output
    accepted = runs.backup(ACCEPTED_SHRINK=allowed)
    assert require_proven(runs, accepted) == {}


def test_the_bytes_count_as_well_as_the_number(runs: Runs, minio: Minio) -> None:
    put(minio, {"files/large": bytes(1_000_000), **{f"files/{n}": b"x" for n in range(9)}})
    before = runs.backup()
    minio.client().delete_object(Bucket=BUCKET, Key="files/large")
    code, output = runs.run("take")
    require_failed(runs, code, output, "1 of 10 objects (100 % by number or size) are gone or overwritten", [before])


def test_what_had_to_expire_is_no_loss(runs: Runs, minio: Minio) -> None:
    put(minio, {"voice/temp/c/1": b"x", "files/c/1": b"y"})
    runs.backup()
    minio.client().delete_object(Bucket=BUCKET, Key="voice/temp/c/1")
    expired = runs.backup(EXPIRY_DAYS='{"voice/temp/": 0, "files/": 7}')
    minio.client().delete_object(Bucket=BUCKET, Key="files/c/1")
    code, output = runs.run("take", EXPIRY_DAYS='{"voice/temp/": 0, "files/": 7}')
    assert code == 1
    assert f"are gone or overwritten since {expired}" in output


def age(runs: Runs, stamp: str, **ago: int) -> str:
    """Make a snapshot look older by giving it another name; return that."""
    older = stamp_of(datetime.now(UTC) - timedelta(**ago))
    folder = runs.volume / "snapshots" / stamp
    proof = folder / "metadata.json"
    proof.write_text(proof.read_text().replace(stamp, older))
    folder.rename(folder.with_name(older))
    return older


def test_complete_snapshots_are_kept_for_seven_days(runs: Runs, minio: Minio) -> None:
    put(minio, {"files/a": b"x"})
    ages = [{"days": 30}, {"days": 7, "minutes": 5}, {"days": 6, "hours": 23}, {"hours": 6}]
    old = [age(runs, runs.backup(RETENTION_DAYS="99"), **ago) for ago in ages]
    newest = runs.backup()
    assert runs.snapshots() == [*old[2:], newest]


def test_some_snapshots_stay_however_old_they_are(runs: Runs, minio: Minio) -> None:
    """The first success after a week of failures, or one whose clock is ahead, does not retire the good ones."""
    put(minio, {"files/a": b"x"})
    old = [age(runs, runs.backup(RETENTION_DAYS="99"), days=6, hours=number) for number in (20, 14, 8)]
    newest = runs.backup(RETENTION_DAYS="6", KEEP_LEAST="3", ACCEPTED_SHRINK=old[-1])
    assert runs.snapshots() == [*old[1:], newest]


def test_a_clock_far_ahead_is_refused_until_somebody_has_looked(runs: Runs, minio: Minio) -> None:
    put(minio, {"files/a": b"x"})
    before = age(runs, runs.backup(), days=30)
    code, output = runs.run("take")
    require_failed(runs, code, output, f"if the clock is right, set backup.acceptedShrink to {before}", [before])
    assert runs.backup(ACCEPTED_SHRINK=before) == runs.snapshots()[-1]


def test_a_bucket_whose_objects_were_overwritten_stops_the_backup(runs: Runs, minio: Minio) -> None:
    """As by somebody who encrypts them for ransom: every name is there, and no content."""
    put(minio, OBJECTS)
    before = runs.backup()
    put(minio, dict.fromkeys(list(OBJECTS)[:130], b"pay"))
    code, output = runs.run("take")
    require_failed(
        runs,
        code,
        output,
        f"130 of 400 objects (32 % by number or size) are gone or overwritten since {before}",
        [before],
    )


def test_the_last_good_snapshot_outlives_every_failure(runs: Runs, minio: Minio) -> None:
    put(minio, {"files/a": b"x"})
    only = age(runs, runs.backup(), days=6)
    minio.mc("rb", "--force", f"gx/{BUCKET}")
    for _ in range(2):
        code, _ = runs.run("take")
        assert code == 1
    assert runs.snapshots() == [only]


def test_retention_never_leaves_its_folder(runs: Runs, minio: Minio, tmp_path: Path) -> None:
    put(minio, {"files/a": b"x"})
    old = age(runs, runs.backup(), days=6)
    elsewhere = tmp_path / "elsewhere"
    (runs.volume / "snapshots" / old).rename(elsewhere)
    (runs.volume / "snapshots" / old).symlink_to(elsewhere)
    second = age(runs, runs.backup(RETENTION_DAYS="99"), days=5)
    (runs.volume / "snapshots" / second / "data/files/way-out").symlink_to(elsewhere)
    (runs.volume / "minio_backup_20251225_060000").mkdir()
    (runs.volume / "minio_backup_20251225_060000/backup.info").write_text("{}")
    runs.backup(RETENTION_DAYS="4", ACCEPTED_SHRINK=second)
    assert (elsewhere / "data/files/a").read_bytes() == b"x", "a link is not followed"
    assert not (runs.volume / "snapshots" / second).exists()
    assert (runs.volume / "minio_backup_20251225_060000/backup.info").exists(), "copies of the old script stay"


def test_a_folder_of_snapshots_that_is_a_link_is_refused(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (runs.volume / "snapshots").symlink_to(tmp_path / "other")
    code, output = runs.run("take")
    assert code == 1
    assert "is a link" in output


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("BUCKET", "", "the variable BUCKET is not set"),
        ("RETENTION_DAYS", "a week", "the variable RETENTION_DAYS = 'a week' is no number"),
    ],
)
def test_a_run_that_is_told_nonsense(runs: Runs, variable: str, value: str, line: str) -> None:
    code, output = runs.run("take", **{variable: value})
    assert code == 1
    assert line in output
