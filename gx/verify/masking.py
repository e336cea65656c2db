"""Lines without secrets: what a server, a pod or a library says may hold what was given to it."""

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "***"
SHORTEST = 4
"""Letters: a shorter secret would blacken every line."""
_PATTERNS = (
    (re.compile(r"(?<=://)\S+(?=@)"), MASK),
    (re.compile(r"(?i)\b(bearer|basic) [\w.~+/=-]+"), rf"\1 {MASK}"),
    (
        re.compile(
            r"(?i)([\w-]*(?:token|secret|passw|pwd|api_?-?key|signature|credential|authorization|cookie)[\w-]*"
            r"[\"']?\s*[=:]\s*[\"']?)(?!bearer|basic)[^\s&\"',;]+"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"\beyJ[\w-]+(\.[\w-]+)*"), MASK),
    (re.compile(r"-----BEGIN .*"), MASK),
)


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a line without the given secrets in any form in which they travel, nor what looks like one.

    Args:
        text: The line.
        secrets: What is known to be secret.
    """
    for secret in secrets:
        if len(secret) < SHORTEST:
            continue
        encoded = base64.b64encode(secret.encode()).decode()
        for form in {secret, quote(secret, safe=""), encoded, encoded.rstrip("=")}:
            text = text.replace(form, MASK)
    for pattern, mask in _PATTERNS:
        text = pattern.sub(mask, text)
    return text
