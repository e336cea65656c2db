"""Records real commands in a real terminal for the README, as one picture that moves: `make pictures`.

The terminal is pyte's, so that colours and progress bars are what a user sees. Pauses are shortened, nothing else.
"""

import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pyte
from pyte.screens import Char

from settings.project import ROOT

PICTURE = ROOT / "docs/pictures/terminal.svg"
STORY = (
    "make preview STACK=mainnet",
    "sed -i 's/retentionDays: 7/retentionDays: 14/' Pulumi.devnet.yaml",
    "gx diff",
    "gx reach mainnet --from svc-messaging --to minio",
    "gx preview mainnet --html report.html | tail -3",
    "make up STACK=devnet | grep -E 'devnet:|pods'",
    "gx local status | tail -1",
    "make down | head -1",
)
"""What is typed, in a clone of the project."""
COLUMNS, ROWS = 132, 30
PROMPT = "\x1b[1;32m$\x1b[0m "
LETTER, LINE = 7.3, 17.0
"""Size of a character, in the picture's units."""
TYPING = 0.035
LONGEST_PAUSE = 1.2
READING = 2.5
"""Seconds after each command; the first frame and the last one stay twice as long."""
NAMES = {
    "default": "#d7dce2",
    "black": "#5c6370",
    "red": "#ff7b72",
    "green": "#7ee787",
    "brown": "#f2cc60",
    "blue": "#79c0ff",
    "magenta": "#d2a8ff",
    "cyan": "#76e3ea",
    "white": "#ffffff",
}
"""pyte's names of the eight colours; its "brown" is what others call yellow."""


@dataclass(frozen=True)
class Frame:
    """What the screen shows, and for how many seconds."""

    lines: tuple[str, ...]
    seconds: float


class TerminalRecorder:
    """A terminal whose screen is kept whenever it has changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.Stream(self.screen)
        self.frames: list[Frame] = []

    def show(self, text: str, seconds: float) -> None:
        """Write to the screen and keep it for a time."""
        self.stream.feed(text)
        lines = tuple(_line(self.screen, row) for row in range(ROWS))
        if self.frames and self.frames[-1].lines == lines:
            seconds += self.frames.pop().seconds
        self.frames.append(Frame(lines, seconds))

    def type(self, command: str) -> int:
        """Type a command, run it, keep what it shows; return its exit code."""
        self.show(PROMPT, 0.4)
        for at in range(0, len(command), 3):
            self.show(command[at : at + 3], 3 * TYPING)
        self.show("\r\n", 0.1)
        ended = self._run(command)
        self.show("", READING)
        return ended

    def _run(self, command: str) -> int:
        child, master = pty.fork()
        if child == 0:
            os.chdir(self.folder)
            os.environ.update(TERM="xterm-256color", COLUMNS=str(COLUMNS), LINES=str(ROWS), LC_ALL="C.UTF-8")
            os.environ["PATH"] = f"{self.folder}/.venv/bin:{os.environ['PATH']}"
            os.execvp("bash", ["bash", "-c", f"stty cols {COLUMNS} rows {ROWS}; {command}"])  # noqa: S606, S607 the story's own
        began = time.monotonic()
        try:
            for text in _output(master):
                now = time.monotonic()
                if self.frames:  # what was on the screen until now
                    last = self.frames.pop()
                    self.frames.append(Frame(last.lines, last.seconds + min(now - began, LONGEST_PAUSE)))
                self.show(text, 0)
                began = now
        except BaseException:
            os.kill(child, signal.SIGTERM)
            raise
        finally:
            os.close(master)
            _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)


def _output(master: int) -> Iterator[str]:
    """Yield what a terminal gets, a tenth of a second at a time."""
    kept = b""
    while True:
        ready, _, _ = select.select([master], [], [], 0.1)
        if ready:
            try:
                part = os.read(master, 65536)
            except OSError:  # the other side has been closed
                part = b""
            if not part:
                break
            kept += part
            if len(part) < 4096:  # noqa: PLR2004 more of a long text comes at once
                time.sleep(0.08)
                continue
        if kept:
            yield kept.decode(errors="replace")
            kept = b""
    if kept:
        yield kept.decode(errors="replace")


def _line(screen: pyte.Screen, row: int) -> str:
    """Return a line of the screen as SVG's text: one span for each run of the same colours."""
    cells = [screen.buffer[row][column] for column in range(COLUMNS)]
    while cells and cells[-1].data == " ":
        cells.pop()
    spans: list[tuple[str, str]] = []
    for cell in cells:
        style = _style(cell)
        if spans and spans[-1][0] == style:
            spans[-1] = (style, spans[-1][1] + cell.data)
        else:
            spans.append((style, cell.data))
    return "".join(f"<tspan{style}>{escape(text)}</tspan>" if style else escape(text) for style, text in spans)


def _style(cell: Char) -> str:
    colour = NAMES.get(cell.fg) or (f"#{cell.fg}" if len(cell.fg) == 6 else NAMES["default"])  # noqa: PLR2004 rrggbb
    parts = [f' fill="{colour}"'] if colour != NAMES["default"] else []
    return "".join([*parts, ' font-weight="bold"' if cell.bold else ""])


def picture(frames: Sequence[Frame]) -> str:
    """Return the frames as one SVG: a strip of screens behind a window, moved from one to the next forever."""
    total = sum(frame.seconds for frame in frames)
    lines = {
        line: f"l{at}"
        for at, line in enumerate(dict.fromkeys(line for frame in frames for line in frame.lines if line))
    }
    width, height = COLUMNS * LETTER + 24, ROWS * LINE + 24
    steps: list[str] = []
    at = 0.0
    for number, frame in enumerate(frames):
        steps.append(f"{100 * at / total:.2f}%{{transform:translateX({-number * width:.0f}px)}}")
        at += frame.seconds
    defined = "".join(f'<text id="{key}" xml:space="preserve">{line}</text>' for line, key in lines.items())
    shown = "".join(
        f'<g transform="translate({number * width:.0f} 0)">'
        + "".join(
            f'<use href="#{lines[line]}" x="12" y="{24 + row * LINE:.0f}"/>'
            for row, line in enumerate(frame.lines)
            if line
        )
        + "</g>"
        for number, frame in enumerate(frames)
    )
    last = -(len(frames) - 1) * width
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="a terminal in which the commands of gx run"><style>'
        f"text{{font:12px ui-monospace,Menlo,Consolas,monospace;fill:{NAMES['default']}}}"
        f"@keyframes play{{{''.join(steps)}}}"
        f".strip{{animation:play {total:.1f}s steps(1,end) infinite}}"
        f"@media(prefers-reduced-motion:reduce){{.strip{{animation:none;transform:translateX({last:.0f}px)}}}}"
        f'</style><defs>{defined}</defs><rect width="100%" height="100%" rx="8" fill="#161b22"/>'
        f'<g class="strip">{shown}</g></svg>\n'
    )


def record(story: Sequence[str], folder: Path) -> str:
    """Return the picture of a story that is played in a folder.

    Raises:
        RuntimeError: A command ended with another code than 0.
    """
    recorder = TerminalRecorder(folder)
    recorder.show("", READING)
    for command in story:
        if ended := recorder.type(command):
            raise RuntimeError(f"{command} ended with {ended}")
    recorder.show("", READING)
    return picture(recorder.frames)


def main() -> None:
    """Play the story in a clone of the project, and write the picture."""
    with tempfile.TemporaryDirectory(prefix="gx-recording-") as name:
        clone = Path(name) / "gx-infra"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)  # noqa: S603, S607 the user's git
        subprocess.run(["make", "setup"], cwd=clone, check=True)  # noqa: S607 before the story: it takes a while
        try:
            text = record(STORY, clone)
        finally:
            subprocess.run([".venv/bin/gx", "local", "down", "--delete"], cwd=clone, check=True, capture_output=True)
        PICTURE.write_text(text, encoding="utf-8")
    sys.stdout.write(f"wrote {PICTURE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
