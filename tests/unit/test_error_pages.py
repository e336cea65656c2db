"""An error ends with the page that explains it, and that page is about it."""

import re
from pathlib import Path

import pytest

from common.errors import InputError
from settings.pages import SETTINGS, explained, page_of
from settings.project import PROJECT, ROOT
from settings.schema import stack_file_schema

KEYS = [key.removeprefix(f"{PROJECT}:") for key in stack_file_schema()["properties"]["config"]["properties"]]


@pytest.mark.parametrize("key", KEYS)
def test_every_setting_has_a_page_that_names_it(key: str) -> None:
    page = page_of("Pulumi.mainnet.yaml", f"{PROJECT}:{key}.anything[0]")
    text = (ROOT / page).read_text()
    assert re.search(rf"\b{key}\b", text), page
    assert f"`{key}`" in (ROOT / SETTINGS).read_text()


@pytest.mark.parametrize(
    ("file", "page"),
    [
        ("networks/mainnet/release.yaml", "docs/promotion.md"),
        ("networks/devnet/adoption.yaml", "docs/adoption.md"),
        ("networks/devnet/local.yaml", "docs/local.md"),
        ("Pulumi.prod.yaml", "docs/how-to/add-a-network.md"),
        ("gx verify", "docs/verification.md"),
        ("kubeconfig", "docs/deploy.md"),
        ("some/file", ""),
    ],
)
def test_files_and_commands_have_pages(file: str, page: str) -> None:
    assert page_of(file, "") == page
    assert not page or (ROOT / page).exists()


def test_the_line_ends_with_the_page_once() -> None:
    file, key = "Pulumi.mainnet.yaml", f"{PROJECT}:backup.schedule"
    said = explained(InputError(file=file, key=key, value="'x'", consequence="breaks", fix="write 8"))
    assert said == "Pulumi.mainnet.yaml: gx-infra:backup.schedule = 'x': breaks; fix: write 8; see docs/backups.md"
    twice = explained(InputError(file=file, key=key, consequence="breaks", fix="follow docs/backups.md"))
    assert twice.count("docs/backups.md") == 1


def test_the_stack_files_own_settings_are_all_in_the_page() -> None:
    named = set(re.findall(r"`(\w+)`", Path(ROOT / SETTINGS).read_text()))
    assert set(KEYS) <= named
