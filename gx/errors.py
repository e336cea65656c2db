"""The one error that a person's input can cause, and the one line that it becomes."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class InputError(Exception):
    """Input that a person can mend: shown as one line, never as a traceback; the command exits with 2.

    Attributes:
        file: The file (or command argument) that holds the input.
        key: Where in the file, as a dotted path; empty when the whole file is meant.
        value: What stands there, already free of secrets; None when nothing does.
        consequence: What would go wrong, in a few words.
        fix: What to write instead.
    """

    file: str
    key: str = ""
    value: str | None = None
    consequence: str
    fix: str

    def __str__(self) -> str:
        """Return file, key, value, consequence and fix in one line."""
        place = f"{self.file}: {self.key}" if self.key else self.file
        shown = "" if self.value is None else f" = {self.value}"
        text = f"{place}{shown}: {self.consequence}; fix: {self.fix}"
        return " ".join(text.split())
