"""Lines of checks, which are kept in git: what a server, a pod or a library says may hold a secret that nobody read."""

import re

from common.known_secrets import MASK, masked

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


def recordable(text: str) -> str:
    """Return a text without the secrets of this run, nor what looks like one."""
    text = masked(text)
    for pattern, mask in _PATTERNS:
        text = pattern.sub(mask, text)
    return text
