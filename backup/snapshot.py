"""What a snapshot consists of: objects as a server lists them, objects as they are kept, and the proof that all are."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

FORMAT = 2
FORMATS = (1, FORMAT)
WHOLE_HEADERS = 2
"""From this format on a manifest names every header of an object; that of the first edition left some out."""
METADATA = "metadata.json"
MANIFEST = "manifest.jsonl"
STAMP = re.compile(r"\d{8}T\d{6}Z")
NEWEST = "newest"  # what a user writes for the newest complete snapshot
_STAMP_FORMAT = "%Y%m%dT%H%M%SZ"


class FailedError(Exception):
    """A run ends without a result that counts; its text is the one line that a user reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An object as a server lists it.

    Attributes:
        key: Its name.
        size: Bytes.
        etag: The server's checksum: MD5 of the content, or of the parts' MD5s with their number behind a hyphen.
        modified: When it was written, as ISO 8601.
        headers: What a restore brings back, as the server sends it: content type, caching, user metadata, tags.
    """

    key: str
    size: int
    etag: str
    modified: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Listed):
    """An object in a snapshot.

    Attributes:
        md5: MD5 of its bytes, hexadecimal: what servers answer as ETag, so it proves a restore without reading.
        file: Where it lies, relative to the snapshot.
    """

    md5: str
    file: str


class Named(Protocol):
    """Something with a name."""

    @property
    def key(self) -> str:
        """Its name."""
        ...


L = TypeVar("L", bound=Named)
R = TypeVar("R", bound=Named)


def unchanged(listed: Listed, kept: Listed) -> bool:
    """Return whether two objects of one name have the same content."""
    return listed.size == kept.size and listed.etag == kept.etag


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """The proof of a snapshot, written last: a folder without it is no snapshot.

    Attributes:
        network: Whose bucket it is.
        bucket: The bucket's name.
        stamp: When the run began (UTC); the snapshot's name.
        objects: Number of objects.
        bytes: Their size together.
        manifest_sha256: SHA-256 of the manifest, hexadecimal.
        manifest_bytes: Size of the manifest.
        seconds: How long the run took.
        linked: Objects that were not copied again, because the snapshot before had them.
        fetched: Objects that were read.
        vanished: Objects that were deleted while the run lasted; they are not part of it.
        left_out: How many objects the server listed and did not give.
        left_out_names: The first of them, each with the reason.
        sealed: Whether it is encrypted (off-site).
        copy_of: SHA-256 of the manifest of the snapshot that it is a copy of (off-site).
        tools: Versions of the programs.
        format: Version of this format.
        state: Always "complete".
    """

    network: str
    bucket: str
    stamp: str
    objects: int
    bytes: int
    manifest_sha256: str
    manifest_bytes: int
    seconds: float
    linked: int = 0
    fetched: int = 0
    vanished: int = 0
    left_out: int = 0
    left_out_names: tuple[str, ...] = ()
    sealed: bool = False
    copy_of: str = ""
    tools: Mapping[str, str] = field(default_factory=dict[str, str])
    format: int = FORMAT
    state: str = "complete"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the proof that a text holds.

        Raises:
            FailedError: It is no proof, or one of a later format.
        """
        try:
            data: dict[str, Any] = json.loads(text)
            known = {each.name for each in fields(cls)}  # snapshots of the first edition say how mc fared, too
            found = cls(**{name: value for name, value in data.items() if name in known})
        except (ValueError, TypeError) as error:
            raise FailedError(f"{METADATA} cannot be read ({error})") from None
        says = data.get("format"), data.get("state")  # what is left out is not taken for complete
        if says[0] not in FORMATS or says[1] != "complete" or not STAMP.fullmatch(str(found.stamp)):
            raise FailedError(f"{METADATA} has format {says[0]}, state {says[1]!r}, stamp {found.stamp!r}")
        return found

    def require(self, manifest: Path) -> None:
        """Refuse a manifest that is not the one of this proof.

        Raises:
            FailedError: It was changed or damaged.
        """
        if manifest_digest(manifest) != self.manifest_sha256:
            raise FailedError(f"the manifest of {self.stamp} was changed since it was proven")

    @property
    def without(self) -> str:
        """What is added to the word "complete": nothing, or what is left out."""
        if not self.left_out:
            return ""
        names = f" ({'; '.join(self.left_out_names[:3])})" if self.left_out_names else ""  # an encrypted copy has none
        return f" but for {self.left_out} object{'s' * (self.left_out != 1)}{names}"

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=1) + "\n"


def manifest_digest(manifest: Path) -> str:
    """Return the SHA-256 of a manifest, hexadecimal: what its proof says of it."""
    with manifest.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stamp_of(moment: datetime) -> str:
    """Return the name of a snapshot that begins at a moment."""
    return moment.astimezone(UTC).strftime(_STAMP_FORMAT)


def moment_of(stamp: str) -> datetime:
    """Return when a snapshot began."""
    return datetime.strptime(stamp, _STAMP_FORMAT).replace(tzinfo=UTC)


def lines_of(objects: Iterable[Listed]) -> Iterator[str]:
    """Yield one line of JSON per object."""
    for each in objects:
        values = {name: getattr(each, name) for name in _fields(type(each))}
        yield json.dumps(values, separators=(",", ":")) + "\n"


@cache
def _fields(kind: type[Listed]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def read_kept(manifest: Path) -> Iterator[Kept]:
    """Yield the objects of a manifest, in the order of their names."""
    with manifest.open(encoding="utf-8") as lines:
        for line in lines:
            yield Kept(**json.loads(line))


def read_listed(listing: Path) -> Iterator[Listed]:
    """Yield the objects of a listing, in the order of their names."""
    with listing.open(encoding="utf-8") as lines:
        for line in lines:
            yield Listed(**json.loads(line))


def paired(left: Iterable[L], right: Iterable[R]) -> Iterator[tuple[L | None, R | None]]:
    """Yield the objects of two sorted streams side by side, None where one of them has no such name."""
    lefts, rights = iter(left), iter(right)
    one, other = next(lefts, None), next(rights, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.key < other.key):
            yield one, None
            one = next(lefts, None)
        elif one is None or other.key < one.key:
            yield None, other
            other = next(rights, None)
        else:
            yield one, other
            one, other = next(lefts, None), next(rights, None)
