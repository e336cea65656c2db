"""The takeover with every other assignment of ways to objects, so that each kind has met each way."""

import os
import subprocess
import sys

import pytest

from settings.project import ROOT
from tests.engine.by_hand import Way

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("rotation", range(1, len(Way)))
def test_each_kind_is_taken_over_however_it_was_made(rotation: int) -> None:
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "tests/engine/test_adopt.py"]
    environment = {**os.environ, "CI": "true", "GX_TEST_ROTATION": str(rotation)}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    print(result.stdout)
    assert result.returncode == 0, result.stdout[-4000:]
