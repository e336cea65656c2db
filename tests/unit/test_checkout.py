"""Where the checkout lies: a folder that cannot be written, a path outside ASCII in a locale that knows only that."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from settings.project import ROOT
from tests.conftest import unavailable


def test_a_checkout_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        unavailable("only root can mount a folder read only")
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec make preview'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("make: this folder cannot be written")
    assert "pip" not in done.stderr
    assert not (tmp_path / ".tools").exists()


@pytest.mark.parametrize("environment", [ROOT / ".venv", ROOT / "policy" / ".venv"], ids=["program", "policy pack"])
def test_no_path_of_the_checkout_is_read_when_python_starts(environment: Path) -> None:
    """Python 3.11 reads these files in the locale's encoding: LC_ALL=C and a folder `größe` ended every command."""
    if not environment.is_dir():
        unavailable("needs the policy pack's packages: run `make packages`")
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    found = {path.name: path.read_text() for path in packages.glob("*.pth")}
    assert any("gx_infra" in name for name in found)
    assert not {name for name, text in found.items() if str(ROOT) in text or not text.isascii()}
