"""How an object is read: by one request, and by the library where that goes wrong."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError, IncompleteReadError

from backup.reading import Reader
from backup.s3 import BucketLocation
from tests.helpers.strange_server import BUCKET, StrangeServer

NAMES = ["plain", "a b+c%2F=&?#", "Käse/é/e\u0301", "a/./b", "a//b", "../up", "ends/", "~x", "'(*)!", "\N{PILE OF POO}"]


def reader(strange: StrangeServer) -> Reader:
    return Reader(BucketLocation(endpoint=strange.url, bucket=BUCKET, access_key="AKIA", secret_key="secret"))


def test_one_request_for_each_object_whatever_its_name(strange: StrangeServer, tmp_path: Path) -> None:
    strange.objects = {name: name.encode() * 1000 for name in NAMES}
    reads = reader(strange)
    reads.client.meta.events.register("before-call.s3.GetObject", _not_asked)
    for name in NAMES:
        found, digest = reads.download(name, tmp_path / "object")
        assert (tmp_path / "object").read_bytes() == strange.objects[name]
        assert (found.key, found.size, found.etag) == (name, digest.size, digest.md5)
    assert strange.read == NAMES


def _not_asked(**_: object) -> None:
    raise AssertionError("the library was asked")


@pytest.mark.parametrize(
    ("fault", "error", "asked"),
    [("busy", ClientError, 5), ("gone", ClientError, 2), ("cut", IncompleteReadError, 2)],
)
def test_what_goes_wrong_is_asked_for_by_the_library_with_its_retries(
    strange: StrangeServer, tmp_path: Path, fault: str, error: type[Exception], asked: int
) -> None:
    strange.objects = {} if fault == "gone" else {"a": b"some bytes"}
    if fault == "busy":
        strange.busy = {"a"}
    if fault == "cut":
        strange.cut = {"objects"}
    with pytest.raises(error):
        reader(strange).download("a", tmp_path / "object")
    assert strange.read == ["a"] * asked
