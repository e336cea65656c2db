"""The pack, started once for a file of tests."""

from collections.abc import Iterator

import pytest

from settings.project import ROOT
from tests.conftest import unavailable
from tests.helpers.pack import Pack, running_pack


@pytest.fixture(scope="module")
def pack() -> Iterator[Pack]:
    """Return the running pack."""
    if not (ROOT / "policy/.venv/bin/python").exists():
        unavailable("needs the pack's environment: run `make tools`")
    with running_pack() as running:
        yield running
