"""A listing counts only to its proven end: one that is cut off, miscounted or none is never an empty bucket."""

from dataclasses import replace
from pathlib import Path

import pytest

from backup.offsite import OffsiteSnapshot, list_snapshots
from backup.proving import compare
from backup.s3 import BucketLocation, list_objects
from backup.seal import Seal
from backup.snapshot import FailedError
from tests.helpers.strange_server import BUCKET, StrangeServer, page

DONE = "<IsTruncated>false</IsTruncated>"
LOGIN = b"<!DOCTYPE html><html><body>Log in<br></body></html>"


@pytest.fixture
def location(strange: StrangeServer) -> BucketLocation:
    """Return its bucket."""
    return BucketLocation(endpoint=strange.url, bucket=BUCKET, access_key="some", secret_key="some-secret")


def entry(key: str, **values: str) -> str:
    every = {"LastModified": "2025-12-25T06:00:00Z", "ETag": '"x"', "Size": "1"} | values
    return f"<Contents><Key>{key}</Key>{''.join(f'<{n}>{v}</{n}>' for n, v in every.items() if v != '-')}</Contents>"


def more(token: str) -> str:
    return f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"


def listed(location: BucketLocation) -> list[str]:
    return [found.key for found in list_objects(location.client(patient=False), location.bucket, location.prefix)]


BROKEN = {
    "more without a token": (page(f"<IsTruncated>true</IsTruncated>{entry('a')}"), "no token to ask for it"),
    "more with an empty token": (page(f"{more('')}{entry('a')}"), "no token to ask for it"),
    "does not say whether more follows": (page(entry("a")), "does not say whether it is complete"),
    "says so in other words": (page(f"<IsTruncated>True</IsTruncated>{entry('a')}"), "whether it is complete"),
    "empty": (page(""), "does not say whether it is complete"),
    "fewer than counted": (page(f"{DONE}<KeyCount>2</KeyCount>{entry('a')}"), "should hold 2 names and holds 1"),
    "more than counted": (page(f"{DONE}<KeyCount>0</KeyCount>{entry('a')}"), "should hold 0 names and holds 1"),
    "no ETag": (page(f"{DONE}{entry('a', ETag='-')}"), "'a' without ETag"),
    "an empty ETag": (page(f"{DONE}{entry('a', ETag='&quot;&quot;')}"), "'a' without ETag"),
    "no size": (page(f"{DONE}{entry('a', Size='-')}"), "'a' without Size"),
    "no time": (page(f"{DONE}{entry('a', LastModified='-')}"), "'a' without LastModified"),
    "no name": (page(f"{DONE}{entry('')}"), "without Key"),
    "a size that is none": (page(f"{DONE}{entry('a', Size='-1')}"), "size '-1'"),
    "a time that is none": (page(f"{DONE}{entry('a', LastModified='now')}"), "time 'now'"),
    "a login page": (LOGIN, "the answer is no document of S3"),
    "a login page that is XML": (b"<html><body>Log in</body></html>", "the answer is no listing"),
    "nothing": (b"", "the answer is no listing"),
    "cut in the middle": (page(f"{DONE}{entry('a')}")[:-30], "the answer is no document of S3"),
}


@pytest.mark.parametrize(("body", "line"), BROKEN.values(), ids=BROKEN)
def test_an_answer_that_is_no_complete_listing_is_refused(
    strange: StrangeServer, location: BucketLocation, body: bytes, line: str
) -> None:
    strange.pages = {"": body}
    with pytest.raises(FailedError, match="cannot list gx-voice-messages: ") as caught:
        listed(location)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", LOGIN, b"<html/>", page(DONE)], ids=["nothing", "login", "XML", "listing"])
@pytest.mark.parametrize("code", [203, 204, 206, 300])
def test_a_listing_with_another_code_is_refused(
    strange: StrangeServer, location: BucketLocation, code: int, body: bytes
) -> None:
    """The library takes every code below 301 for an answer, and an answer without objects for an empty bucket."""
    strange.pages, strange.code = {"": b"" if code == 204 else body}, code
    with pytest.raises(FailedError, match=f"cannot list {BUCKET}: the answer is no listing .status {code}."):
        listed(location)


def test_an_answer_that_is_cut_by_the_connection_is_refused(strange: StrangeServer, location: BucketLocation) -> None:
    strange.objects, strange.cut = {"a": b"x"}, {"listings"}
    with pytest.raises(FailedError, match=f"cannot list {BUCKET}"):
        listed(location)


def test_pages_are_followed_to_the_end_over_empty_ones(strange: StrangeServer, location: BucketLocation) -> None:
    strange.pages = {
        "": page(f"{more('1')}<KeyCount>1</KeyCount>{entry('a')}"),
        "1": page(f"{more('2')}<KeyCount>0</KeyCount>"),
        "2": page(f"{DONE}<KeyCount>1</KeyCount>{entry('b')}"),
    }
    assert listed(location) == ["a", "b"]
    assert strange.asked == 3


def test_a_later_page_is_looked_at_as_closely_as_the_first(strange: StrangeServer, location: BucketLocation) -> None:
    strange.pages = {"": page(f"{more('1')}{entry('a')}"), "1": page(f"<IsTruncated>true</IsTruncated>{entry('b')}")}
    with pytest.raises(FailedError, match="no token to ask for it"):
        listed(location)


@pytest.mark.parametrize("tokens", [["1", "1"], ["1", "2", "1"], ["1", "2", "3", "4", "2"]])
def test_tokens_that_go_round_are_refused(strange: StrangeServer, location: BucketLocation, tokens: list[str]) -> None:
    asked = ["", *tokens]
    strange.pages = {asked[n]: page(more(asked[n + 1])) for n in range(len(tokens))}
    with pytest.raises(FailedError, match="its listing has no end"):
        listed(location)
    assert strange.asked == len(tokens)


def test_a_name_of_another_folder_is_refused(strange: StrangeServer, location: BucketLocation) -> None:
    strange.pages = {"": page(f"{DONE}{entry('elsewhere/a')}")}
    with pytest.raises(FailedError, match="'elsewhere/a', which is not below 'here/'"):
        listed(replace(location, prefix="here/"))


@pytest.mark.parametrize("body", [BROKEN["more without a token"][0], LOGIN], ids=["cut off", "login"])
def test_a_bucket_is_not_taken_for_empty_by_what_reads_it(
    strange: StrangeServer, location: BucketLocation, body: bytes, tmp_path: Path
) -> None:
    """A restore writes into an empty bucket; an off-site copy begins where it finds no snapshot."""
    strange.pages = {"": body}
    with pytest.raises(FailedError, match="cannot list"):
        compare([], location, whole=True)
    with pytest.raises(FailedError, match="cannot list"):
        list_snapshots(location)
    with pytest.raises(FailedError, match="cannot list"):
        OffsiteSnapshot.open(location, "newest", tmp_path, Seal())


@pytest.mark.parametrize(
    "change",
    [{"endpoint": "https://my_bucket.example.com"}, {"endpoint": "http://[::1"}, {"region": "us east 1"}],
    ids=["endpoint", "address", "region"],
)
def test_an_address_that_is_none_is_one_line(location: BucketLocation, change: dict[str, str]) -> None:
    with pytest.raises(FailedError, match=f"the server of {BUCKET} cannot be addressed: "):
        replace(location, **change).client()  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["some-secret\n", "some secret", "s\u00e9cret", "a\tb"])
def test_a_key_that_no_header_can_carry_is_not_shown(location: BucketLocation, key: str) -> None:
    for pair in ({"access_key": key}, {"secret_key": key}):
        with pytest.raises(FailedError, match="holds a blank, a line end") as caught:
            replace(location, **pair).client()  # type: ignore[arg-type]
        assert key.strip() not in str(caught.value)
