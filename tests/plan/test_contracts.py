"""The contracts that `make check` runs fail where somebody breaks them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from settings.project import ROOT
from tests.helpers.repository import STOREYS

PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of what the contracts look at."""
    for name in (*STOREYS, "package", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", ".venv", "go"))
    for name in ("program.py", "wiring.py", "__main__.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROGRAMS / command[0]), *command[1:]], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        (
            "components/base.py",
            "import settings.settings",
            "components and rules know neither the catalogue nor the settings",
        ),
        (
            "rules/finding.py",
            "import catalogue.feature_gates",
            "components and rules know neither the catalogue nor the settings",
        ),
        ("backup/keys.py", "import common.naming", "the backup's image imports nothing of ours"),
        ("gx/cli/main.py", "import devcluster.up", "storeys: what stands above imports what lies below"),
        ("gx/plan/render.py", "import components.base", "the command registers nothing"),
        ("settings/ports.py", "import program", "the composition root is the program's"),
        ("settings/model.py", "import settings.load", "no cycle between the parts of a package"),
        ("gx/adoption/live.py", "import gx.diff.changes", "no cycle between the parts of a package"),
    ],
)
def test_an_import_against_the_floor_plan_is_found(copy: Path, file: str, line: str, contract: str) -> None:
    path = copy / file
    path.write_text(f"{path.read_text()}\n{line}\n")
    done = run(copy, "lint-imports", "--no-logo", "--no-cache")
    assert done.returncode == 1
    assert any(found.startswith(contract) and "BROKEN" in found for found in done.stdout.splitlines()), done.stdout


def test_a_package_that_is_not_declared_is_found(copy: Path) -> None:
    assert run(copy, "deptry", "--no-ansi", ".").returncode == 0
    (copy / "settings/extra.py").write_text("import pytest\n")
    done = run(copy, "deptry", "--no-ansi", ".")
    assert done.returncode == 1
    assert "settings/extra.py" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("command", "text", "said"),
    [
        (("codespell", "-D", "-", "-D", str(ROOT / "docs/words.txt")), "We mend the clock.\n", "mend ==> fix"),
        (("codespell", "-D", "-", "-D", str(ROOT / "docs/words.txt")), "The bakcup ran.\n", "bakcup ==> backup"),
        (("proselint", "--config", str(ROOT / ".proselintrc.json"), "check"), "It waits for ever.\n", "archaic"),
    ],
)
def test_a_word_that_the_project_does_not_use_is_found(
    tmp_path: Path, command: tuple[str, ...], text: str, said: str
) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    done = run(tmp_path, *command, str(page))
    assert done.returncode != 0
    assert said in done.stdout + done.stderr


def test_a_schema_of_other_components_is_found(copy: Path) -> None:
    check = ("python", "-m", "tools.package_schema", "--check")
    assert run(copy, *check).returncode == 0
    schema = copy / "package/schema.json"
    document = json.loads(schema.read_text())
    del document["resources"]["gx-infra:index:DnsRecords"]
    schema.write_text(json.dumps(document))
    done = run(copy, *check)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
