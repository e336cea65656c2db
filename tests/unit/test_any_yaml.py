"""Any value of YAML at any place of any file that people edit ends in settings or in one line."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.errors import InputError
from settings.adoption import read_adoption
from settings.offline import offline_settings
from settings.project import adoption_file, local_file, release_file, stack_file, verified_file, volumes_file
from settings.verified import read_verified
from tests.helpers.stack import copy_project

UID = "8c5b3d2e-1111-4222-8333-444455556666"
_HASH = "0123456789abcdef"
ADOPTION: dict[str, Any] = {
    "clusterUid": UID,
    "managedComponents": ["storage"],
    "imports": {"Deployment/minio": "gxcoin-devnet/minio"},
    "liveOnly": {"Deployment/minio": ["spec.paused"]},
    "oldPolicies": {"minio": {"podSelector": {}}},
    "accepted": ["variable PORT"],
}
VERIFIED: dict[str, Any] = {
    "network": "devnet",
    "clusterUid": UID,
    "sets": [
        {
            "hash": _HASH,
            "deployed": "2026-01-01T00:00:00Z",
            "verified": "2026-01-01T00:10:00Z",
            "passed": 3,
            "workloads": {},
            "platform": {},
        }
    ],
    "failures": [
        {"hash": _HASH, "failed": "2026-01-02T00:00:00Z", "checks": [{"name": "a", "group": "b", "text": "c"}]}
    ],
}
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.dates()
    | st.datetimes()
    | st.binary(max_size=4)
    | st.text(max_size=6)
    | st.sampled_from(
        ["", " ", "-1", "0", "1e3", "999999999999999999999d", "1.5Gi", "$(x)", "a: b", "\u0000", "@daily"]
    )
)
VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_SCALARS, inner, max_size=3), max_leaves=6
)
SNIPPETS = (
    "[", "}", "&a [*a]", "*x", "{<<: 5}", "{[a]: b}", "{? {a: b} : c}", "!!set {a}", "!!python/name:os.system ''",
    "!x y", "!!float x", "!!int 'ü'", "!!timestamp 'x'", "2026-13-45", "0o9", "1:99:99",
    "{a: 1, a: 2}", "!!omap [a: b]",
    "!!binary '='", "!!null x", "'\\0'", '"\\ud800"', "%", "@", "\t", "? ", "- - -", ".inf", "{a: &b *b}", "~", "=",
)  # fmt: skip
"""What the parser takes for something else, or refuses."""
EXAMPLES = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def _settings(root: Path) -> object:
    return offline_settings("devnet", root)


FILES: dict[str, Callable[[Path], object]] = {
    stack_file("devnet"): _settings,
    "Pulumi.yaml": _settings,
    release_file("devnet"): _settings,
    volumes_file("devnet"): _settings,
    local_file("devnet"): lambda root: offline_settings("devnet", root, local=True),
    adoption_file("devnet"): lambda root: read_adoption("devnet", root),
    verified_file("devnet"): lambda root: read_verified("devnet", root),
}
"""Every file of a network, and what reads it."""


def places(value: object, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where something stands in a document."""
    yield before
    if isinstance(value, dict):
        for key, below in cast("dict[Any, object]", value).items():
            yield from places(below, (*before, key))
    elif isinstance(value, list):
        for index, below in enumerate(cast("list[object]", value)):
            yield from places(below, (*before, index))


def with_text(document: object, place: tuple[Any, ...], text: str, *, added: bool) -> str:
    """Return a document with a text of YAML at one place of it, or as a key more of the mapping there."""
    if not place and not added:
        return f"{text}\n"
    copy = yaml.safe_load(yaml.safe_dump(document))
    target: Any = copy
    for key in place if added else place[:-1]:
        target = target[key]
    if added and isinstance(target, dict):
        target["unheardOf"] = "PLACEHOLDER"
    elif place:
        target = copy
        for key in place[:-1]:
            target = target[key]
        target[place[-1]] = "PLACEHOLDER"
    return yaml.safe_dump(copy, sort_keys=False, allow_unicode=True).replace("PLACEHOLDER", text, 1)


def text_of(value: object) -> str:
    """Return a value on one line, as somebody might write it into a list or a mapping."""
    return yaml.safe_dump(value, default_flow_style=True, allow_unicode=False, width=10**6).replace("\n...", "").strip()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copy_project(tmp_path_factory.mktemp("any") / "project")
    for name, record in ((adoption_file("devnet"), ADOPTION), (verified_file("devnet"), VERIFIED)):
        (root / name).write_text(yaml.safe_dump(record, sort_keys=False))
    for read in FILES.values():
        read(root)
    return root


@pytest.mark.parametrize("examples", [100, pytest.param(2000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
@pytest.mark.parametrize("name", FILES)
def test_any_value_at_any_place_is_settings_or_a_line(project: Path, name: str, examples: int) -> None:
    path = project / name
    sound = path.read_text()
    document = yaml.safe_load(sound)
    counted = Counter[bool]()

    @settings(EXAMPLES, max_examples=examples)
    @given(
        place=st.sampled_from(list(places(document))),
        text=VALUES.map(text_of) | st.sampled_from(SNIPPETS),
        added=st.booleans(),
    )
    def check(place: tuple[Any, ...], text: str, *, added: bool) -> None:
        path.write_text(with_text(document, place, text, added=added))
        counted[_line(FILES[name], project) == ""] += 1

    try:
        check()
    finally:
        path.write_text(sound)
    assert counted.total() >= examples
    assert counted[False] > examples / 4


def _line(read: Callable[[Path], object], root: Path) -> str:
    try:
        read(root)
    except InputError as error:
        line = str(error)
        assert "\n" not in line
        assert line
        return line
    return ""
