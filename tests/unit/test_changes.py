"""What a command says of itself when it is cut short: files are all there or as before, and the line is true."""

from pathlib import Path

import pytest

from common.errors import InputError, Interrupted, begun, changes
from settings.project import replace_file, replaced


@pytest.fixture(autouse=True)
def _nothing_done_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.errors._changed", {})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a").write_text("old")
    return tmp_path


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def test_files_are_written_together(root: Path) -> None:
    with replaced({"a": "new", "b": "new"}, root=root):
        assert (root / "a").read_text() == "new"
    assert [(root / name).read_text() for name in names(root)] == ["new", "new"]
    assert changes() == "a was written; b was written"


def test_a_file_that_cannot_be_written_undoes_the_one_before(root: Path) -> None:
    (root / "b").mkdir()
    with pytest.raises(InputError, match=r"^b: cannot be written \(Is a directory\); nothing was changed"):
        replace_file("b", "new", root=root)
    with (
        pytest.raises(InputError, match=r"^b: cannot be written \(Is a directory\); nothing was changed"),
        replaced({"a": "new", "b": "new"}, root=root),
    ):
        pass
    assert (root / "a").read_text() == "old"
    assert names(root) == ["a", "b"]


@pytest.mark.parametrize("how", [Interrupted, KeyboardInterrupt, ZeroDivisionError])
def test_what_fails_afterwards_puts_the_files_back(root: Path, how: type[BaseException]) -> None:
    with pytest.raises(how), replaced({"a": "new", "b": "new"}, root=root):
        raise how
    assert (root / "a").read_text() == "old"
    assert names(root) == ["a"]
    assert changes() == "nothing was changed"


def test_a_later_failure_does_not_deny_what_was_written_before(root: Path) -> None:
    (root / "b").mkdir()
    replace_file("a", "new", root=root)
    with pytest.raises(InputError, match=r"b: cannot be written .*; a was written; fix"):
        replace_file("b", "new", root=root)


def test_the_state_that_was_said_first_counts() -> None:
    with pytest.raises(Interrupted) as caught, begun("outside"), begun("inside"):
        raise Interrupted
    assert caught.value.state == "inside"
