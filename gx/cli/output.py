"""Where lines go: live texts are shown as they are, and progress is for a terminal alone."""

import re
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.status import Status

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys instead of showing it."""
MARK = "\N{REPLACEMENT CHARACTER}"


class Output(Console):
    """A console for lines that hold texts of others: no markup, no emoji, no control character that is obeyed."""

    _ready = False

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = True, width: int | None = None) -> None:
        super().__init__(stderr=stderr, soft_wrap=soft_wrap, width=width, highlight=False, markup=False, emoji=False)
        self._ready = True

    @property
    def is_terminal(self) -> bool:
        """Whether progress is drawn. FORCE_COLOR, which rich asks at the start, colours a file; nobody watches one."""
        return super().is_terminal and (not self._ready or self.file.isatty())

    def status(self, status: RenderableType, **options: Any) -> Status:  # noqa: ANN401 the library's signature
        """Return rich's spinner, drawn on a terminal alone."""
        return super().status(status, **options) if self.is_terminal else Status(status, console=Console(quiet=True))

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401 the library's signature
        """Print objects as rich does, with control characters shown as one mark: rich drops some of a line unsaid."""
        super().print(*(_CONTROL.sub(MARK, one) if isinstance(one, str) else one for one in objects), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the pieces of anything that is printed without them: rich measures a table's cells without them."""
        for piece in super().render(renderable, options):
            yield piece if piece.control else Segment(_CONTROL.sub("", piece.text), piece.style)
