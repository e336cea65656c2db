"""Pages of Markdown as tests read them: code, console blocks, anchors."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from settings.project import ROOT

PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
        *ROOT.glob("docs/**/*.md"),
    ]
)
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
_SHELL = {"|", "||", "&&", ";", ">", ">>", "<", "2>", "&"}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language with options, and what stands in it."""

    info: str
    body: str


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page, those in lists included."""
    return [Block(found["info"].strip(), textwrap.dedent(found["body"])) for found in _FENCE.finditer(text)]


def code(text: str) -> Iterator[str]:
    """Yield every code span of a page, and every command that a console block types."""
    for block in blocks(text):
        if block.info == "console":
            yield from (step.command for step in steps(block.body))
        elif block.info in {"bash", "sh"}:
            yield from block.body.splitlines()
    for span in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", _FENCE.sub("", text)):
        yield str(span)


@dataclass(frozen=True)
class Step:
    """A command that a page types, the exit code that it ends with, and the lines that it says."""

    command: str
    ends: int
    says: tuple[str, ...]


def steps(body: str) -> list[Step]:
    """Return the commands of a console block; a backslash, a pipe or an open quote goes on in the next line."""
    found: list[Step] = []
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        command = [lines.pop(0)]
        while command[-1].endswith(("\\", "|")):
            command.append(lines.pop(0))
        text = "\n".join(command)
        ends = re.search(r"  # ends with (\d+)$", text)
        found.append(Step(text, int(ends[1]) if ends else 0, tuple(line for line in lines if line.strip())))
    return found


def words(command: str) -> list[list[str]]:
    """Return the words of each simple command of a line; a comment and what follows it are left out."""
    found: list[list[str]] = [[]]
    lexer = shlex.shlex(command.replace("…", ""), posix=True, punctuation_chars="|&;<>()")
    lexer.commenters = "#"
    lexer.wordchars += "$%{}[]:@"
    try:
        tokens = list(lexer)
    except ValueError:
        return []  # an open quote: words of a text, no command
    for token in tokens:
        if token in _SHELL:
            found.append([])
        else:
            found[-1].append(token)
    return [one for one in found if one]


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MkDocs make them."""
    headings = re.findall(r"^#+ +(.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in headings}


def named(page: Path) -> str:
    """Return a page's path as a message shows it."""
    return str(page.relative_to(ROOT))
