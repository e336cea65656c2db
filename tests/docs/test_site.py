"""The documentation's site: built strictly, complete, and readable from a file without a network."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from settings.project import ROOT
from tests.conftest import tool, unavailable
from tools.site.reference import packages


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the built site."""
    if not (ROOT / ".tools/npm/.ready").exists():
        unavailable("needs the libraries of tools/npm: run `make tools`")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--clean", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_public_thing_is_in_the_reference(site: Path) -> None:
    wanted: set[str] = set()
    for package in packages():
        folder = ROOT / package.replace(".", "/")
        for path in folder.glob("*.py") if folder.is_dir() else [ROOT / f"{package}.py"]:
            module = f"{package}.{path.stem}" if folder.is_dir() else package
            if path.stem != "__init__":
                wanted |= {f"{module}.{name}" for name in _public(path)}
    found = "\n".join(path.read_text() for path in (site / "reference/python").glob("*.html"))
    assert len(wanted) > 600
    assert [name for name in sorted(wanted) if f'id="{name}"' not in found] == []


def _public(path: Path) -> list[str]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in body if isinstance(node, kinds) and not node.name.startswith("_")]


def test_it_loads_nothing_from_elsewhere_and_its_search_works_from_a_file(site: Path) -> None:
    chromium = tool("chromium", "chromium")
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_context(offline=True).new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda request: None if request.url.startswith(("file:", "data:", "blob:")) else wrong.append(request.url),
        )
        for name in ("index.html", "runbooks/alerts/MinIOServiceDown.html", "reference/python/gx.reachability.html"):
            page.goto((site / name).as_uri())
            page.wait_for_load_state("networkidle")
        page.get_by_placeholder("Search").fill("cleared pending creates")
        page.locator(".md-search-result__item", has_text="The engine was killed").first.wait_for()
        page.goto((site / "index.html").as_uri())
        page.wait_for_function("document.querySelector('div.mermaid')?.shadowRoot !== undefined")
        assert page.locator("pre.mermaid").count() == 0  # none is left undrawn
        browser.close()
    assert wrong == []


def test_a_numbered_list_goes_on_after_its_code(site: Path) -> None:
    page = (site / "how-to/add-a-service.html").read_text()
    assert page.count("<ol>") == 1
    assert page.split("<ol>")[1].split("</ol>")[0].count("<li>") == 6


def test_the_output_contract_shows_its_consumer(site: Path) -> None:
    assert "StackReference" in (site / "outputs.html").read_text().split('id="a-consumer"')[1]


def test_the_404_page_loads_nothing_from_elsewhere(site: Path) -> None:
    assert "unpkg" not in (site / "404.html").read_text()


def test_a_page_that_links_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("[gone](gone.md) [anchor](#none)\n")
    own = (ROOT / "mkdocs.yml").read_text()
    validation = own[own.index("validation:") : own.index("theme:")]
    (tmp_path / "mkdocs.yml").write_text(f"site_name: x\nstrict: true\n{validation}")
    command = [sys.executable, "-m", "mkdocs", "build"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "gone.md" in done.stderr
    assert "#none" in done.stderr
