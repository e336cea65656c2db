"""Any object that a real server accepts goes through backup, restore, off-site copy and drill, and comes back equal."""

import itertools
import string
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage  # pyright: ignore[reportMissingTypeStubs]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backup.config import Limits, ShrinkRule
from backup.drill import drill
from backup.folder import SnapshotFolder
from backup.offsite import Copy, OffsiteSnapshot
from backup.restore import FromFolder, restore
from backup.seal import Seal
from backup.take import Backup
from devcluster.binaries import find
from tests.data.servers import Minio
from tests.helpers.raw_s3 import RawS3, Sent, everything

OFFSITE = "copies"
REPORTED = [
    Sent("kaese", b"1", {"x-amz-meta-filename": "Käse.pdf".encode()}),  # a browser's form sends it so (minio#21256)
    Sent("latin", b"2", {"x-amz-meta-filename": "Käse.pdf".encode("latin-1")}),
    Sent("encoded", b"3", {"x-amz-meta-filename": b"=?UTF-8?Q?K=C3=A4se.pdf?="}),
    *(Sent(f"name-{ord(one)}", b"4", {f"x-amz-meta-a{one}b": b"x"}) for one in "!%+*'~|#&^`.$_-"),  # rustfs#2743
    Sent("lost+found", b"5"),  # mc#1648
    Sent("x.part.minio", b"6"),
    Sent("expires", b"7", {"expires": b"Thu, 01 Dec 2033 16:00:00 GMT"}),  # minio#20068
    Sent("expired", b"8", {"expires": b"0"}),
    Sent("tags", b"9", tags={"owner": "alice bob", "a+b": "c=d/e", "empty": ""}),  # mc#4500
    Sent("mc", b"10", {"x-amz-meta-mc-attrs": b"atime:1#0/gid:0/mode:33188", "x-amz-meta-X-Mixed": b"Case"}),
    Sent("headers", b"11", {"cache-control": b"no-store", "content-language": b"de", "content-encoding": b"gzip"}),
    Sent("attached", b"12", {"content-disposition": b"attachment; filename*=UTF-8''K%C3%A4se.pdf"}),
    Sent("no type", b"13", {"content-type": b""}),
    Sent("blanks", b"14", {"x-amz-meta-a": b"two  blanks", "x-amz-meta-empty": b""}),
    Sent("folder/", b""),
    Sent("folder/below", b"15"),
    Sent("n\u0303", b"16"),
    Sent("\u00f1", b"17"),
    Sent("/".join(["k" * 200] * 5)[:1000] + "k" * 24, b"18"),
]

_TOKEN = st.text(string.ascii_lowercase + string.digits + "!%+*'~|#&^_.$-", min_size=1, max_size=12)
_VALUE = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30).map(str.encode),
    st.binary(max_size=12).map(lambda text: bytes(letter for letter in text if letter >= 0x20 and letter != 0x7F)),
)
_NAMES = st.one_of(
    st.text(string.ascii_letters + string.digits + " .,;:!?+-_=@#%&$'\"()[]{}~^|*\\/äñ\u0301日\U0001f600", min_size=1),
    st.lists(st.text(min_size=1, max_size=200), min_size=1, max_size=4).map("/".join),
    st.sampled_from(["lost+found", "a", "a/b", "a/b/", "A", ".hidden", "x.part.minio", "xl.meta", "%00", "part.1"]),
)
_HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(
            [b"audio/mp4", b"text/html; charset=utf-8", b"x/y", b"application/octet-stream"]
        ),
        "cache-control": st.sampled_from([b"no-store", b"max-age=3600, public"]),
        "content-disposition": st.sampled_from([b"inline", 'attachment; filename="Käse.pdf"'.encode()]),
        "content-language": st.sampled_from([b"de", b"en, de"]),
        "content-encoding": st.sampled_from([b"gzip", b"br"]),
        "expires": st.sampled_from([b"0", b"Thu, 01 Dec 2033 16:00:00 GMT"]),
    },
)
_TAG = st.text(string.ascii_letters + string.digits + " +-=._:/@ä", min_size=1, max_size=12)


def _sent(key: str, body: bytes, headers: dict[str, bytes], meta: dict[str, bytes], tags: dict[str, str]) -> Sent:
    return Sent(key, body, headers | {f"x-amz-meta-{name}": value for name, value in meta.items()}, tags)


OBJECTS = st.builds(
    _sent,
    _NAMES,
    st.binary(max_size=40),
    _HEADERS,
    st.dictionaries(_TOKEN, _VALUE, max_size=3),
    st.dictionaries(_TAG, _TAG, max_size=3),
)
BATCH = 50


class World:
    """A server of one's own, an empty volume, and a count of what went through."""

    def __init__(self, server: Minio, volume: Path) -> None:
        self.server = server
        self.raw = RawS3(server.port)
        self.folder = SnapshotFolder(volume)
        self.seal = Seal(str(_identity()))
        self.moments = (datetime.now(UTC) + timedelta(seconds=number) for number in itertools.count())
        self.numbers = itertools.count()
        self.objects = self.tagged = 0
        self.refused: list[Sent] = []

    def bucket(self) -> str:
        """Return a new bucket that everybody may use."""
        name = f"bucket-{next(self.numbers)}"
        client = self.server.client()
        client.create_bucket(Bucket=name)
        client.put_bucket_policy(Bucket=name, Policy=everything(name))
        return name

    def check(self, batch: list[Sent], *, versions: bool, drilled: bool) -> None:
        """Let objects go there and back in every way, and compare what a client without our code is given."""
        source, back, returned = self.bucket(), self.bucket(), self.bucket()
        if versions:
            enabled: Any = {"Status": "Enabled"}
            self.server.client().put_bucket_versioning(Bucket=source, VersioningConfiguration=enabled)
            older = [sent.key for sent in batch[::2] if self.raw.put(source, Sent(sent.key, b"an older version"))]
            for key in older[::3]:
                self.server.client().delete_object(Bucket=source, Key=key)
        taken = {sent.key: sent for sent in batch if self.raw.put(source, sent)}
        self.refused += [sent for sent in batch if sent.key not in taken]
        listed = self.raw.names(source)
        # MinIO answers for `a/b/` beside `a/b`, and for `/a` and `a` alike, and lists one of them.
        wanted = {key: self.raw.get(source, key) for key in taken if key in listed}
        self.objects += len(wanted)
        self.tagged += sum(bool(found.tags) for found in wanted.values())
        work = Path(tempfile.mkdtemp(dir=self.folder.path.parent))
        backup = Backup(
            network="devnet",
            source=self.server.location(source),
            folder=self.folder,
            limits=Limits(seconds=120, free_bytes=0),
            shrink=ShrinkRule(percent=100),
            retention_days=1,
            keep_least=1,
        )
        snapshot = backup.run(next(self.moments))
        assert snapshot.metadata.left_out_names == ()
        restore(FromFolder(snapshot), self.server.location(back), work, execute=True, over=True)
        Copy(snapshot, self.server.location(OFFSITE), work, self.seal).make()
        outside = OffsiteSnapshot.open(self.server.location(OFFSITE), snapshot.metadata.stamp, work, self.seal)
        restore(outside, self.server.location(returned), work, execute=True, over=True)
        if drilled:
            drill(snapshot, work, backup.limits)
        for key, found in wanted.items():
            assert self.raw.get(back, key) == found, taken[key]
            assert self.raw.get(returned, key) == found, taken[key]


def _identity() -> Any:
    age: Any = pyrage
    return age.x25519.Identity.generate()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return a server with an off-site bucket."""
    folder = tmp_path_factory.mktemp("any")
    (folder / "volume").mkdir()
    server = Minio(folder / "minio").start()
    server.client().create_bucket(Bucket=OFFSITE)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", f"{find('minio').parent}:/usr/bin:/bin")
            world = World(server, folder / "volume")
            yield world
            world.raw.close()
    finally:
        server.kill()


def test_what_people_have_lost_comes_back(world: World) -> None:
    world.check(REPORTED, versions=False, drilled=True)
    assert world.refused == [], "the server takes each of them"
    assert world.tagged, "the comparison sees tags"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("most", "objects"), [(6, 200), pytest.param(54, 2000, marks=pytest.mark.soak)])
def test_objects_of_any_kind_come_back_equal(world: World, most: int, objects: int) -> None:
    batches, before = 0, world.objects

    @settings(
        max_examples=most,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    @given(st.lists(OBJECTS, min_size=BATCH, max_size=BATCH, unique_by=lambda sent: sent.key), st.booleans())
    def every(batch: list[Sent], versions: bool) -> None:
        nonlocal batches
        batches += 1
        world.check(batch, versions=versions, drilled=batches % 10 == 6)

    every()
    done = world.objects - before
    print(f"\n{done} objects in {batches} batches came back equal; the server refused {len(world.refused)}")  # noqa: T201 pytest -s
    assert done >= objects
