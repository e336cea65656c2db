"""What the documents and comments name exists."""

import re
from pathlib import Path

import pytest

from gx.settings.project import ROOT

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])
SOURCES = sorted(
    path
    for pattern in ("*.py", "gx/**/*.py", "components/*.py", "assets/**/*.s*", "Pulumi*.yaml", "tests/**/*.py")
    for path in ROOT.glob(pattern)
)


def test_sections_that_code_points_to_exist() -> None:
    sections = set(re.findall(r"^## (\d+)\.", (ROOT / "docs/production.md").read_text(), re.MULTILINE))
    rules = set(re.findall(r"^(\d+)\. ", (ROOT / "docs/takeover.md").read_text(), re.MULTILINE))
    assert len(rules) == 29
    for path in SOURCES:
        text = path.read_text()
        assert set(re.findall(r"production\.md (\d+)", text)) <= sections, path
        assert set(re.findall(r"takeover\.md (\d+)", text)) <= rules, path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


def test_paths_in_the_readme_exist() -> None:
    for name in re.findall(
        r"`((?:gx|docs|components|tests|bench|assets|networks/mainnet)/[\w./]*)`", (ROOT / "README.md").read_text()
    ):
        assert (ROOT / name).exists(), name


def test_make_targets_in_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        for target in re.findall(r"(?:`|\$ )make ([a-z]+)", document.read_text()):
            assert target in targets, f"{document}: make {target}"


def test_settings_in_the_readme_exist() -> None:
    declared = (ROOT / "Pulumi.yaml").read_text() + (ROOT / "gx/settings/load.py").read_text()
    text = (ROOT / "README.md").read_text()
    for key in re.findall(r"config (?:set|rm) -s \w+ (?:--path |--secret )?'?(\w+)", text):
        assert key in declared, key


def test_ci_runs_the_readmes_test_command() -> None:
    assert "$ make test " in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "make test"


def test_nothing_names_a_machine_or_a_password() -> None:
    for path in [*SOURCES, *DOCUMENTS]:
        text = path.read_text()
        assert not re.search(r"/(?:root|home|work)/\w", text), path
