"""Kubernetes quantities ("500m", "50Gi") as exact numbers, and back to canonical text."""

import re
from decimal import Decimal

_SUFFIXES = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(1000),
    "M": Decimal(1000) ** 2,
    "G": Decimal(1000) ** 3,
    "T": Decimal(1000) ** 4,
    "Ki": Decimal(1024),
    "Mi": Decimal(1024) ** 2,
    "Gi": Decimal(1024) ** 3,
    "Ti": Decimal(1024) ** 4,
}
_LONGEST = 24
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")


def parse_quantity(text: str) -> Decimal:
    """Return the number that a Kubernetes quantity stands for (cores, bytes or a count).

    Raises:
        ValueError: The text is no quantity.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no Kubernetes quantity")
    if len(text) > _LONGEST:  # Kubernetes holds 63 bits
        raise ValueError(f"{text[:_LONGEST]}... is a quantity of more digits than Kubernetes can hold")
    return Decimal(match[1]) * _SUFFIXES[match[2] or ""]


def format_cores(cores: Decimal) -> str:
    """Return cores as people write them: "4" or "4100m"."""
    return str(int(cores)) if cores == int(cores) else f"{int(cores * 1000)}m"


def format_bytes(amount: Decimal) -> str:
    """Return bytes in the largest binary unit that keeps the number whole: "512Mi", "8Gi"."""
    for suffix in ("Ti", "Gi", "Mi", "Ki"):
        if amount and amount % _SUFFIXES[suffix] == 0:
            return f"{int(amount / _SUFFIXES[suffix])}{suffix}"
    return str(int(amount))
