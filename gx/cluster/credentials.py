"""Secrets that come from outside and travel in a header: checked where they are read."""

import re

from common.errors import InputError
from common.known_secrets import remember_value

_HEADER = re.compile(r"[!-~]+")  # RFC 9110: what any server takes; blanks would end the value


def credential(text: str, *, file: str, key: str = "", fix: str) -> str:
    """Return a token or key without the blanks and line ends around it, which come from a file or the clipboard.

    Args:
        text: What was read; nothing but blanks is returned as an empty text.
        file: Where it was read, for the error.
        key: Its name there.
        fix: What to do when it cannot be used.

    Raises:
        InputError: It can be no header. The line does not hold it.
    """
    remember_value(key, text)
    found = text.strip()
    if found and not _HEADER.fullmatch(found):
        what = "a line end" if len(found.splitlines()) > 1 else "a blank" if re.search(r"\s", found) else "a letter"
        consequence = f"holds {what} that a header cannot carry: it was not sent"
        raise InputError(file=file, key=key, consequence=consequence, fix=fix)
    return found
