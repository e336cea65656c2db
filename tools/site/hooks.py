"""Hooks of MkDocs: pages that are generated, the navigation of what there is much of, links to files beside docs/."""

import posixpath
import re
from collections.abc import Iterator
from typing import Any, cast

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from settings.project import ROOT
from tools.site.pages import generated
from tools.site.reference import packages, python_page

LIBRARIES = {
    "assets/mermaid.min.js": "mermaid/dist/mermaid.min.js",
    "assets/iframe-worker.js": "iframe-worker/shim/index.js",
}
"""What draws diagrams, and what lets the search run from a file: by their place in the site, from `make tools`."""
ELSEWHERE = "https://unpkg.com/iframe-worker/shim"
"""From where the theme would load it."""
RENAMED = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "README.md": "index.md",
}
"""Pages of the site that are files beside docs/, by their path in the project."""
EXAMPLE = "examples/consumer/__main__.py"
SHOWN = "files"
"""Where the site holds other files beside docs/ that a page links to."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the sections of the navigation that grow by themselves."""
    nav = {next(iter(entry)): entry for entry in cast("list[dict[str, Any]]", config["nav"])}
    nav["Decisions"]["Decisions"] = ["adr/index.md", *_titled("adr")]
    nav["Runbooks"]["Runbooks"].append({"Alerts": ["runbooks/alerts/index.md", *_titled("runbooks/alerts")]})
    modules = [{package: f"reference/python/{package}.md"} for package in packages()]
    nav["Reference"]["Reference"].append({"Python": modules})
    return config


def _titled(folder: str) -> list[str]:
    return [f"{folder}/{path.name}" for path in sorted((ROOT / "docs" / folder).glob("*.md"))]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, the pages that are files beside docs/, and the library that draws diagrams."""
    for name, text in generated().items():
        files.append(File.generated(config, name, content=text))
    for package in packages():
        files.append(File.generated(config, f"reference/python/{package}.md", content=python_page(package)))
    for source, name in RENAMED.items():
        if name != "index.md":
            files.append(File.generated(config, name, content=_from_root(source)))
    for name in sorted(set(_outside())):
        files.append(File.generated(config, f"{SHOWN}/{name}", abs_src_path=str(ROOT / name)))
    for name, path in LIBRARIES.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / ".tools/npm/node_modules" / path)))
    files.append(File.generated(config, "assets/extra.css", abs_src_path=str(ROOT / "tools/site/extra.css")))
    return files


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001 MkDocs' names
    """Let a page load nothing from elsewhere."""
    local = posixpath.relpath("assets/iframe-worker.js", posixpath.dirname(page.file.dest_uri) or ".")
    return output.replace(ELSEWHERE, local)


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig) -> str:  # noqa: ARG001 MkDocs' names
    """The same for pages of the theme, which lie at the top."""
    return output_content.replace(ELSEWHERE, "assets/iframe-worker.js")


def _from_root(source: str) -> str:
    """Return a page of the project's root with its links as a page of docs/ would write them."""
    text = (ROOT / source).read_text(encoding="utf-8")
    return _LINK.sub(lambda link: f"]({posixpath.relpath(link[1], 'docs')})", text)


def _outside() -> Iterator[str]:
    """Yield the files beside docs/ that its pages link to and that are no pages."""
    pages = [
        (path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in ROOT.glob("docs/**/*.md")
    ]
    pages += [(f"docs/{name}", _from_root(source)) for source, name in RENAMED.items()]
    for name, text in pages:
        for link in _LINK.findall(text):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(name), link.partition("#")[0]))
            if not path.startswith("docs/") and path not in RENAMED and (ROOT / path).is_file():
                yield path


_LINK = re.compile(r"\]\((?!https?:|#)([^)]+)\)")
"""A link to a file of the project, with its anchor."""


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 MkDocs' names
    """Point links that leave docs/ at what the site holds instead; show the example where a page links to it."""
    folder = posixpath.dirname(page.file.src_uri)

    def moved(link: re.Match[str]) -> str:
        target, _, anchor = link[1].partition("#")
        path = posixpath.normpath(posixpath.join("docs", folder, target))
        inside = path.removeprefix("docs/")
        if target and files.get_file_from_path(f"{inside}/index.md"):
            return f"]({posixpath.relpath(f'{inside}/index.md', folder or '.')})"
        if not target or inside != path:
            return link[0]
        new = RENAMED.get(path, f"{SHOWN}/{path}")
        return f"]({posixpath.relpath(new, folder or '.')}{'#' if anchor else ''}{anchor})"

    example = ROOT / "docs" / folder / EXAMPLE
    if f"]({EXAMPLE})" in markdown:
        markdown += f"\n## A consumer\n\n```python\n{example.read_text(encoding='utf-8')}```\n"
    return _LINK.sub(moved, _indented(markdown))


def _indented(markdown: str) -> str:
    """Indent what belongs to a numbered item by four columns: GitHub is content with three, MkDocs is not."""
    lines: list[str] = []
    fenced = False
    for line in markdown.splitlines():
        fenced ^= line.startswith("```")
        lines.append(f" {line}" if line.startswith("   ") and not fenced else line)
    return "\n".join(lines) + "\n"
