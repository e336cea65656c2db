"""The one line of a user's mistake."""

from hypothesis import given
from hypothesis import strategies as st

from common.errors import InputError, shown


def test_all_parts_are_in_the_line() -> None:
    error = InputError(file="Pulumi.x.yaml", key="gx-infra:a.b", value="'7'", consequence="breaks", fix="write 8")
    assert str(error) == "Pulumi.x.yaml: gx-infra:a.b = '7': breaks; fix: write 8"


@given(st.text(), st.text(), st.text())
def test_it_is_always_one_line(key: str, value: str, consequence: str) -> None:
    error = InputError(file="f", key=key, value=value, consequence=consequence, fix="x")
    assert len(str(error).splitlines()) == 1


def test_values_are_shown_as_yaml_has_them_and_fit_a_line() -> None:
    assert (shown(True), shown("x"), shown(7)) == ("true", "'x'", "7")
    assert len(shown("y" * 1000)) == 80
