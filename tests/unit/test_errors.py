"""The one line of a person's mistake."""

from hypothesis import given
from hypothesis import strategies as st

from gx.errors import InputError


def test_all_parts_are_in_the_line() -> None:
    error = InputError(file="Pulumi.x.yaml", key="gx-infra:a.b", value="'7'", consequence="breaks", fix="write 8")
    assert str(error) == "Pulumi.x.yaml: gx-infra:a.b = '7': breaks; fix: write 8"


@given(st.text(), st.text(), st.text())
def test_it_is_always_one_line(key: str, value: str, consequence: str) -> None:
    error = InputError(file="f", key=key, value=value, consequence=consequence, fix="x")
    assert len(str(error).splitlines()) == 1
