"""Where an object lies in a snapshot: under its own name where a file can have it, else under the hash of its name."""

import hashlib
from collections.abc import Callable

DATA = "data"
BY_HASH = "by-hash"
LONGEST_PART = 240  # bytes; a file name has 255, of which mc needs 11 for its own suffix while it copies
_DOTS = frozenset({".", ".."})


def is_safe(key: str) -> bool:
    """Return whether a name, taken as a path, stays below its folder."""
    return "\0" not in key and not key.startswith("/") and _DOTS.isdisjoint(key.split("/"))


def fits_a_file(key: str) -> bool:
    """Return whether a file can have this name: no part empty, dotted or too long."""
    return is_safe(key) and all(0 < len(part.encode()) <= LONGEST_PART for part in key.split("/"))


def by_hash(key: str) -> str:
    """Return the path of an object whose name no file can have."""
    return f"{BY_HASH}/{hashlib.sha256(key.encode()).hexdigest()}"


def locations() -> Callable[[str], str]:
    """Return a function that maps the names of a bucket, given in ascending order, to paths in a snapshot.

    A bucket may hold both `a` and `a/b`; a folder cannot: whatever lies below a name that is an object goes by hash.
    """
    above: list[str] = []

    def location(key: str) -> str:
        while above and not key.startswith(above[-1]):
            above.pop()
        if not fits_a_file(key) or any(key.startswith(f"{name}/") for name in above):
            return by_hash(key)
        above.append(key)
        return f"{DATA}/{key}"

    return location
