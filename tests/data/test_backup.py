"""Backups of a real MinIO: what is complete is complete, and what is not never looks so."""

import hashlib
import json
import os

import pytest

from backup.snapshot import Kept, read_kept
from tests.data.servers import BUCKET, STATUS, Minio, Runs, put


def kept(runs: Runs, stamp: str) -> list[Kept]:
    return list(read_kept(runs.volume / "snapshots" / stamp / "manifest.jsonl"))


def require_proven(runs: Runs, stamp: str) -> dict[str, bytes]:
    """Check a snapshot by other means than the program: every file against the manifest; return its contents."""
    folder = runs.volume / "snapshots" / stamp
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["manifest_sha256"] == hashlib.sha256((folder / "manifest.jsonl").read_bytes()).hexdigest()
    objects = {entry.key: (folder / entry.file).read_bytes() for entry in kept(runs, stamp)}
    for entry in kept(runs, stamp):
        assert hashlib.md5(objects[entry.key], usedforsecurity=False).hexdigest() == entry.md5, entry.key
        assert len(objects[entry.key]) == entry.size
    assert len(objects) == metadata["objects"]
    assert sum(map(len, objects.values())) == metadata["bytes"]
    files = [path for part in ("data", "by-hash") for path in (folder / part).rglob("*") if path.is_file()]
    assert len(files) == metadata["objects"], "nothing lies there that the manifest does not name"
    return objects


def said(minio: Minio, name: str = "backup.json") -> dict[str, object]:
    return json.loads(minio.client().get_object(Bucket=STATUS, Key=name)["Body"].read())


def test_a_snapshot_holds_every_object(runs: Runs, minio: Minio) -> None:
    wanted = {f"files/c{n % 3}/{n}.jpg": os.urandom(1000 + n) for n in range(30)}
    put(minio, wanted)
    stamp = runs.backup()
    assert require_proven(runs, stamp) == wanted
    assert runs.leftovers() == []
    status = said(minio)
    assert (status["state"], status["proven"]) == ("complete", stamp)
    assert status["snapshots"][0]["objects"] == 30  # type: ignore[index]


def test_what_did_not_change_is_linked_and_not_copied_again(runs: Runs, minio: Minio) -> None:
    put(minio, {"files/a": b"stays", "files/b": b"changes", "files/c": b"goes"})
    first = runs.backup()
    put(minio, {"files/b": b"CHANGED", "files/d": b"comes"})
    minio.client().delete_object(Bucket=BUCKET, Key="files/c")
    second = runs.backup(MAX_SHRINK_PERCENT="90")
    assert require_proven(runs, second) == {"files/a": b"stays", "files/b": b"CHANGED", "files/d": b"comes"}
    assert require_proven(runs, first) == {"files/a": b"stays", "files/b": b"changes", "files/c": b"goes"}
    one, two = ((runs.volume / "snapshots" / stamp / "data/files/a").stat() for stamp in (first, second))
    assert os.path.samestat(one, two)
    metadata = json.loads((runs.volume / "snapshots" / second / "metadata.json").read_text())
    assert (metadata["linked"], metadata["fetched"]) == (1, 2)


ODD_NAMES = [
    "with space/and more",
    " leads with a space",
    "ünïcödé/日本語/\u202eright to left",
    "..hidden",
    "dots...",
    "Case",
    "case",
    "quotes\"and'<&>",
    "back\\slash",
    "percent%2F",
    "new\nline",
    "question?*[x]",
    "folder/",
    "mc.part.minio",
    "long/" + "e" * 254,
    "/".join(["deep" * 60] * 4)[:1024],
    "a" + "/z" * 511 + "y",
]


def test_every_name_that_the_server_takes_is_kept_under_its_own(runs: Runs, minio: Minio) -> None:
    assert max(len(name) for name in ODD_NAMES) == 1024
    wanted = {name: name.encode() for name in ODD_NAMES} | {"empty": b""}
    put(minio, wanted)
    assert require_proven(runs, runs.backup()) == wanted


@pytest.mark.parametrize("name", ["a/../../b", "./a", "a//b"])
def test_names_that_lead_elsewhere_are_refused_by_the_server(minio: Minio, name: str) -> None:
    """The program copes with them all the same: see the unit tests of places and of a server that takes them."""
    with pytest.raises(minio.client().exceptions.ClientError):
        put(minio, {name: b"x"})


def test_content_type_and_metadata_are_kept(runs: Runs, minio: Minio) -> None:
    put(minio, {"voice/temp/c/1": b"x"}, ContentType="audio/webm", Metadata={"length": "3"}, CacheControl="no-store")
    stamp = runs.backup()
    headers = {"cache-control": "no-store", "content-type": "audio/webm", "x-amz-meta-length": "3"}
    assert kept(runs, stamp)[0].headers == headers
    put(minio, {"voice/temp/c/1": b"x"}, ContentType="audio/ogg")
    stamp = runs.backup()
    assert kept(runs, stamp)[0].headers == {"content-type": "audio/ogg"}, "same bytes, new type"


def test_an_upload_in_parts_is_proven_by_its_parts(runs: Runs, minio: Minio) -> None:
    client = minio.client()
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="files/big")["UploadId"]
    body = [os.urandom(5 << 20), os.urandom(1 << 20)]
    parts = [
        client.upload_part(Bucket=BUCKET, Key="files/big", UploadId=upload, PartNumber=n, Body=part)["ETag"]
        for n, part in enumerate(body, 1)
    ]
    document = {"Parts": [{"ETag": etag, "PartNumber": n} for n, etag in enumerate(parts, 1)]}
    client.complete_multipart_upload(Bucket=BUCKET, Key="files/big", UploadId=upload, MultipartUpload=document)  # type: ignore[arg-type]
    stamp = runs.backup()
    assert require_proven(runs, stamp) == {"files/big": b"".join(body)}
    assert kept(runs, stamp)[0].etag.endswith("-2")


def test_a_damaged_snapshot_before_is_not_carried_on(runs: Runs, minio: Minio) -> None:
    wanted = {"files/a": b"whole", "files/b": b"two", "files/c": b"three"}
    put(minio, wanted)
    first = runs.volume / "snapshots" / runs.backup()
    (first / "data/files/a").write_bytes(b"wh")
    (first / "data/files/b").unlink()
    assert require_proven(runs, runs.backup()) == wanted


def test_a_snapshot_without_its_proof_counts_for_nothing(runs: Runs, minio: Minio) -> None:
    put(minio, {"files/a": b"x"})
    first = runs.backup()
    (runs.volume / "snapshots" / first / "metadata.json").unlink()
    second = runs.backup()
    assert runs.leftovers() == [first], "an operator decides what becomes of it"
    metadata = json.loads((runs.volume / "snapshots" / second / "metadata.json").read_text())
    assert metadata["linked"] == 0


def test_the_clock_of_another_century_is_refused(runs: Runs, minio: Minio) -> None:
    put(minio, {"files/a": b"x"})
    first = runs.backup()
    later = runs.volume / "snapshots" / "29991231T235959Z"
    (runs.volume / "snapshots" / first).rename(later)
    proof = later / "metadata.json"
    proof.write_text(proof.read_text().replace(first, later.name))
    code, output = runs.run("take")
    assert code == 1
    assert "check the clock" in output
    assert runs.snapshots() == [later.name]
