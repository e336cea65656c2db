"""Kubernetes quantities."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.quantities import format_bytes, format_cores, parse_quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", "0.5"),
        ("4", "4"),
        ("0.25", "0.25"),
        ("1k", "1000"),
        ("50Gi", str(50 * 2**30)),
        ("64Mi", str(64 * 2**20)),
    ],
)
def test_known_quantities(text: str, number: str) -> None:
    assert parse_quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "50 Gi", "50GB", "-1", "1e3", "Gi", "0x10", "50gi", "\u0661"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no Kubernetes quantity"):
        parse_quantity(text)


@given(st.integers(min_value=0, max_value=10**9))
def test_cores_survive_the_round_trip(milli: int) -> None:
    cores = Decimal(milli) / 1000
    assert parse_quantity(format_cores(cores)) == cores


@given(st.integers(min_value=0, max_value=2**50))
def test_bytes_survive_the_round_trip(amount: int) -> None:
    assert parse_quantity(format_bytes(Decimal(amount))) == amount
