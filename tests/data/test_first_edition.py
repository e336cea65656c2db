"""Snapshots that the edition before has written, on a volume and off-site, come back."""

import tarfile
from pathlib import Path

import pytest

from tests.data.servers import BUCKET, Minio, Runs, contents
from tests.data.test_restore import OFFSITE, offsite

__all__ = ["offsite"]
WRITTEN = Path(__file__).with_name("first-edition")
STAMP = "20261127T001630Z"
OBJECTS = {
    "files/c1/a.jpg": b"a picture",
    "voice/temp/c1/1": b"a message",
    "folder/": b"",
    "long/" + "n" * 250: b"by hash",
    "\u00fcn\u00efc\u00f6d\u00e9/\u65e5\u672c\u8a9e": "\u540d".encode(),
}


def require_back(minio: Minio, bucket: str) -> None:
    """Check what was restored, headers too."""
    assert contents(minio, bucket) == OBJECTS
    head = minio.client().head_object(Bucket=bucket, Key="files/c1/a.jpg")
    assert (head["ContentType"], head["CacheControl"], head["Metadata"]) == ("audio/webm", "no-store", {"length": "3"})


@pytest.fixture
def volume(runs: Runs) -> Runs:
    """Return runs with the snapshot on their volume."""
    with tarfile.open(WRITTEN / "snapshot.tar") as archive:
        archive.extractall(runs.volume, filter="data")
    return runs


def test_from_the_volume(volume: Runs, minio: Minio) -> None:
    code, output = volume.run("restore", STAMP, "--into", f"{BUCKET}-restored", "--execute")
    assert code == 0, output
    require_back(minio, f"{BUCKET}-restored")
    assert volume.run("drill")[0] == 0


def test_what_the_first_edition_did_not_keep_is_no_difference(volume: Runs, minio: Minio) -> None:
    """It read neither tags nor every header: a restore over the live bucket does not take them away."""
    volume.run("restore", STAMP, "--into", f"{BUCKET}-restored", "--execute")
    tags = {"TagSet": [{"Key": "owner", "Value": "alice"}]}
    minio.client().put_object_tagging(Bucket=f"{BUCKET}-restored", Key="files/c1/a.jpg", Tagging=tags)  # type: ignore[arg-type]
    code, output = volume.run("restore", STAMP, "--into", f"{BUCKET}-restored", "--execute", "--over")
    assert code == 0, output
    found = minio.client().get_object_tagging(Bucket=f"{BUCKET}-restored", Key="files/c1/a.jpg")
    assert found["TagSet"] == tags["TagSet"]


def test_from_off_site(offsite: Runs, minio: Minio) -> None:
    with tarfile.open(WRITTEN / "offsite.tar") as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            minio.client().put_object(Bucket=OFFSITE, Key=member.name, Body=file.read())
    code, output = offsite.run("restore", STAMP, "--into", f"{BUCKET}-restored", "--execute", "--offsite")
    assert code == 0, output
    require_back(minio, f"{BUCKET}-restored")


def test_the_next_backup_and_copy_go_on_from_it(volume: Runs, offsite: Runs) -> None:
    volume.run("restore", STAMP, "--into", BUCKET, "--execute")
    code, output = offsite.run("offsite")
    assert code == 0, output
    code, output = volume.run("take", ACCEPTED_SHRINK=STAMP)
    assert code == 0, output
    assert "5 linked" in output
    code, output = offsite.run("offsite")
    assert "5 objects were copied by the server" in output
