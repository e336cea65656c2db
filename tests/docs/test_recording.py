"""The README's moving picture is a recording of commands that exist, made by the script that says so."""

import re
import xml.etree.ElementTree as ET
from html import unescape
from pathlib import Path

import pytest

from settings.project import ROOT
from tools.recording import COLUMNS, PICTURE, ROWS, STORY, record


def text_of(picture: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", picture.split("<defs>")[1]))


def test_it_shows_what_a_terminal_shows(tmp_path: Path) -> None:
    picture = record([r"printf '\033[31mred\033[0m and %s\n' $((6*7)); sleep 0.3; tput lines; tput cols"], tmp_path)
    ET.fromstring(picture)  # noqa: S314 our own
    assert '<tspan fill="#ff7b72">red</tspan> and 42' in picture
    assert f">{ROWS}</text>" in picture
    assert f">{COLUMNS}</text>" in picture
    assert float(re.findall(r"animation:play ([\d.]+)s", picture)[0]) > 5


def test_a_command_that_fails_makes_no_picture(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="false ended with 1"):
        record(["false"], tmp_path)


def test_the_picture_is_of_this_story() -> None:
    shown = text_of(PICTURE.read_text(encoding="utf-8"))
    assert [command for command in STORY if command not in shown] == []
    assert "devnet: 1 to update" in shown
    assert "15 ready" in shown
    assert not re.search(r"/(tmp|root|home|work)/", shown)


def test_the_readme_shows_it() -> None:
    assert f"({PICTURE.relative_to(ROOT)})" in (ROOT / "README.md").read_text()
