"""Files of a snapshot into a bucket: mc moves those that share their headers, the rest goes one by one."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gx.snapshots import keys
from gx.snapshots.mirror import alias, mirror
from gx.snapshots.model import FailedError, Kept
from gx.snapshots.run import say, workers
from gx.snapshots.s3 import META, Place, reason

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

WORTH_A_RUN = 20  # objects; fewer are uploaded one by one, a run of mc costs a second
MOST_RUNS = 20
WORKERS = 4
_QUOTABLE = re.compile(r"[\w ./+:=*-]+")  # what mc's own attribute syntax takes as it is
_ARGUMENTS = {
    "content-type": "ContentType",
    "content-encoding": "ContentEncoding",
    "content-disposition": "ContentDisposition",
    "content-language": "ContentLanguage",
    "cache-control": "CacheControl",
}

Objects = Callable[[], Iterable[Kept]]
"""A function that yields the objects to upload anew each time, so that no list of them is held."""

Headers = tuple[tuple[str, str], ...]


def upload(
    objects: Objects,
    snapshot: Path,
    target: Place,
    work: Path,
    *,
    name_of: Callable[[Kept], str],
    stall_seconds: float,
    overwrite: bool = False,
) -> None:
    """Upload objects with their content types and user metadata. Nothing is proven here, see `proving`.

    Args:
        objects: What to upload.
        snapshot: The folder that their files are relative to.
        target: Where to.
        work: A folder for links; files of one kind of headers are mirrored from a tree of links.
        name_of: The name below the target's prefix.
        stall_seconds: How long mc may copy nothing.
        overwrite: Whether objects that differ are replaced.
    """
    common = _common_headers(objects())
    mirrored = {headers: work / f"upload-{number}" for number, headers in enumerate(common)}

    def alone() -> Iterator[Kept]:
        for kept in objects():
            tree = mirrored.get(_headers(kept))
            name = name_of(kept)
            by_hash = kept.file.startswith(f"{keys.BY_HASH}/")  # no folder can hold it under its name
            if tree is None or by_hash or not keys.fits_a_file(name):
                yield kept
                continue
            link = tree / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(snapshot / kept.file)

    _one_by_one(alone(), snapshot, target, name_of)
    for headers, tree in mirrored.items():
        if tree.is_dir():
            flags = [*(["--overwrite"] if overwrite else []), *_attributes(headers)]
            path = f"target/{target.bucket}/{target.prefix}"
            say(str(mirror(f"{tree}/", path, alias("target", target), stall_seconds=stall_seconds, flags=flags)))


def _headers(kept: Kept) -> Headers:
    return tuple(sorted(kept.headers.items()))


def _common_headers(objects: Iterable[Kept]) -> list[Headers]:
    counts: Counter[Headers] = Counter()
    for kept in objects:
        headers = _headers(kept)
        if headers in counts or len(counts) < MOST_RUNS:
            counts[headers] += 1
    return [
        headers
        for headers, count in counts.items()
        if count >= WORTH_A_RUN and all(_QUOTABLE.fullmatch(text) for _, text in headers)
    ]


def _attributes(headers: Headers) -> Sequence[str]:
    if not headers:
        return ()
    return ("--attr", ";".join(f"{name.title()}={text}" for name, text in headers))


def _one_by_one(objects: Iterable[Kept], snapshot: Path, target: Place, name_of: Callable[[Kept], str]) -> None:
    client = target.client()
    with workers(WORKERS) as pool:
        waiting: list[Any] = []
        for kept in objects:
            key = target.prefix + name_of(kept)
            waiting.append(pool.submit(put_file, client, target.bucket, key, snapshot / kept.file, kept.headers))
            if len(waiting) >= WORKERS * 4:
                waiting.pop(0).result()
        for future in waiting:
            future.result()


def put_file(client: "S3Client", bucket: str, key: str, path: Path, headers: Mapping[str, str]) -> None:
    """Write one object with its headers.

    Raises:
        FailedError: The server refuses it.
    """
    arguments: dict[str, Any] = {_ARGUMENTS[name]: text for name, text in headers.items() if name in _ARGUMENTS}
    metadata = {name.removeprefix(META): text for name, text in headers.items() if name.startswith(META)}
    try:
        with path.open("rb") as file:
            client.put_object(Bucket=bucket, Key=key, Body=file, Metadata=metadata, **arguments)
    except (BotoCoreError, ClientError) as error:
        raise FailedError(f"cannot write {key!r} to {bucket}: {reason(error)}") from None
