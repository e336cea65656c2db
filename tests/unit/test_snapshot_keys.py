"""Where objects lie in a snapshot: for every name that S3 allows, one place inside the folder and no two alike."""

import hashlib
from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from backup.keys import by_hash, fits_a_file, is_safe, locations
from backup.snapshot import Listed, paired

PARTS = st.sampled_from(["a", "b", "..", ".", "", "a" * 241, "ü", "x.part.minio", "..hidden", "A"])
NAMES = st.lists(PARTS, min_size=1, max_size=4).map("/".join).filter(bool) | st.text(min_size=1, max_size=40)


@given(st.sets(NAMES, max_size=30))
def test_every_name_has_its_own_place_inside_the_folder(names: set[str]) -> None:
    location = locations()
    found = {name: location(name) for name in sorted(names)}
    assert len(set(found.values())) == len(names)
    for name, path in found.items():
        parts = PurePosixPath(path).parts
        assert parts[0] in {"data", "by-hash"}
        assert ".." not in parts
        assert path == (f"data/{name}" if parts[0] == "data" else by_hash(name))
        assert all(len(part.encode()) <= 255 for part in parts)
    files = set(found.values())
    for path in files:
        above = {str(parent) for parent in PurePosixPath(path).parents}
        assert not above & files, "no file lies where another one needs a folder"


def test_names_that_lead_out_of_a_folder_are_known() -> None:
    assert not any(is_safe(name) for name in ("../a", "a/../b", "/a", "./a", "a/.", "a\0b"))
    assert all(is_safe(name) for name in ("..a", "a..", "a//b", "a/", "a/...b"))
    assert not fits_a_file("a/")
    assert by_hash("x") == f"by-hash/{hashlib.sha256(b'x').hexdigest()}"


def _listed(names: set[str]) -> list[Listed]:
    return [Listed(key=name, size=1, etag="", modified="") for name in sorted(names)]


@given(st.sets(st.text(min_size=1, max_size=4)), st.sets(st.text(min_size=1, max_size=4)))
def test_two_sorted_streams_are_paired_by_name(left: set[str], right: set[str]) -> None:
    pairs = list(paired(_listed(left), _listed(right)))
    assert {one.key for one, other in pairs if one and other} == left & right
    assert {one.key for one, other in pairs if one and not other} == left - right
    assert {other.key for one, other in pairs if other and not one} == right - left
