"""What is printed of others' texts, and where progress is drawn."""

import sys
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from gx.cli.output import Output


def test_markup_emoji_and_escapes_are_texts(capsys: pytest.CaptureFixture[str]) -> None:
    Output().print("[bold]x[/bold] [a-z] :smile: \x1b[31mred\x07 \u202eabc")
    mark = "\N{REPLACEMENT CHARACTER}"
    assert capsys.readouterr().out == f"[bold]x[/bold] [a-z] :smile: {mark}[31mred{mark} {mark}abc\n"


def test_the_cells_of_a_table_are_texts_too(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("found", box=None)
    table.add_row(Text("\x1b[31mred"))
    Output(soft_wrap=False).print(table)
    found = capsys.readouterr().out
    assert "\x1b" not in found
    assert "[31mred" in found


def test_a_file_gets_colours_by_force_but_no_progress(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with (tmp_path / "log").open("w+") as log:
        monkeypatch.setattr(sys, "stdout", log)
        console = Output()
        assert not console.is_terminal
        with console.status("building"):
            console.print("one line", style="red")
        log.seek(0)
        assert log.read().endswith("one line\x1b[0m\n")
        log.seek(0)
        assert "building" not in log.read()
