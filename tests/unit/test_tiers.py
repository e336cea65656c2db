"""A tier that cannot run says so, and in CI it fails."""

import pytest

from tests.conftest import tool


def test_a_missing_program_skips_the_tier_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(
        pytest.skip.Exception, match=r"needs no-such-program \(Debian package nothing\): run `make tools`"
    ):
        tool("no-such-program", "nothing")


def test_in_ci_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no tier may be missing"):
        tool("no-such-program", "nothing")


def test_a_program_that_is_there_is_used() -> None:
    assert tool("sh", "dash").endswith("/sh")
