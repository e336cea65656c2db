"""The secrets that this run has read, and text without them.

A library's error may hold what the library was given, as it was or encoded. So whatever reads a secret hands it to
`remember`, and every error that is shown goes through `masked`: in the constructors of our errors, in the results of
`gx verify`, and in `guard_errors`, which covers what libraries and tracebacks write themselves.
"""

import base64
import functools
import html
import json
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO, cast
from urllib.parse import unquote

from common.objects import mapping

MASK = "(secret)"
SHORTEST, LONGEST = 6, 4096
"""Characters of what is masked: anything shorter is part of ordinary words, anything longer is data and no key."""
_IN_URL = re.compile(r"://[^/@:\s]*:([^@/\s]+)@")
_NO_SECRET = re.compile(r"(\.crt|_id|user|username|name|namespace|bucket|endpoint|host|port|region)$", re.IGNORECASE)
"""Keys whose value is no secret; to mask it would hide what an error is about."""

_known: set[str] = set()


def remember(*secrets: object) -> None:
    """Mask these texts from now on, also each line of a longer one and the password of a URL."""
    for secret in secrets:
        text = str(secret or "")
        passwords = _IN_URL.findall(text)
        for part in (text, *text.splitlines(), *passwords, *map(unquote, passwords)):
            if SHORTEST <= len(part.strip()) <= LONGEST and not part.startswith("-----"):
                _known.add(part.strip())


def remember_value(key: str, text: object) -> None:
    """Mask the value of a key from now on, unless the key says that it is a name or an address."""
    if not _NO_SECRET.search(key):
        remember(text)


def remember_object(manifest: Mapping[str, Any]) -> None:
    """Mask the values of a Kubernetes Secret from now on."""
    for key, text in mapping(manifest, "data").items():
        remember_value(key, text)
        with suppress(ValueError):  # it is no base64
            remember_value(key, base64.b64decode(str(text)).decode(errors="replace"))
    for key, text in mapping(manifest, "stringData").items():
        remember_value(key, text)


_LOGIN = re.compile(r"(://)[^/@\s'\"]*:[^/@\s'\"]*@")


def masked(text: str) -> str:
    """Return a text without the known secrets: plain, quoted, percent-encoded, as JSON, HTML or base64.

    What stands before the host of an address goes as well, known or not: nobody asks for it, and it is a log-in.
    """
    text = _LOGIN.sub(rf"\1{MASK}@", text)
    for secret in sorted(_known, key=len, reverse=True):
        text = _pattern(secret).sub(MASK, text)
    return text


@functools.cache
def _pattern(secret: str) -> re.Pattern[str]:
    return re.compile(
        "|".join(["".join(map(_spellings, secret)), *_inside_base64(secret.encode(errors="surrogatepass"))])
    )


def _spellings(letter: str) -> str:
    """Return a pattern of every way in which one letter may be written."""
    if letter.isascii() and letter.isalnum():
        return letter
    raw = letter.encode(errors="surrogatepass")  # as the environment may hold it
    escaped = {json.dumps(letter)[1:-1], ascii(letter)[1:-1], repr(raw)[2:-1], html.escape(letter)}
    # A quoted text may be quoted again: any number of backslashes.
    ways = {re.sub(r"(\\\\)+", r"\\\\+", re.escape(way)) for way in escaped}
    ways |= {r"\\*" + re.escape(letter), "(?i:" + "".join(f"%{byte:02x}" for byte in raw) + ")"}
    ways |= {r"\s+", r"\+"} if letter.isspace() else set()
    return f"(?:{'|'.join(sorted(ways, key=len, reverse=True))})"


def _inside_base64(secret: bytes) -> list[str]:
    """Return what of a secret is certain in base64, for each number of bytes that can stand before it in its group."""
    found: list[str] = []
    for before, unsure in enumerate((0, 2, 3)):
        encoded = base64.b64encode(b"\0" * before + secret).decode()
        sure = encoded[unsure : (before + len(secret)) * 8 // 6]
        found.append(sure.replace("+", r"(?:\+|-|(?i:%2b))").replace("/", r"(?:\\*/|_|(?i:%2f))"))
    return found


class _Masked:
    """A stream that writes no known secret; everything else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(masked(text))
        return len(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def guard_errors() -> None:
    """Let everything that this process writes to standard error from now on go through `masked`."""
    sys.stderr = cast("TextIO", _Masked(sys.stderr))
