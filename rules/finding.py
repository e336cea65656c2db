"""What a check says."""

from dataclasses import dataclass
from enum import StrEnum, unique


@unique
class Severity(StrEnum):
    """An error ends `gx preview` with exit code 2; a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Attributes:
        location: The object or setting.
        text: What is wrong and what follows.
        severity: How bad it is.
        check: The name of the rule, which fills it in.
    """

    location: str
    text: str
    severity: Severity = Severity.ERROR
    check: str = ""
