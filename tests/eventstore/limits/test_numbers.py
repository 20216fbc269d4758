"""Numbers from outside: one parser, and the bounds of what the log accepts."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from eventstore.limits import numbers


@given(some.integers(min_value=-numbers.MOST, max_value=numbers.MOST))
def test_every_whole_number_in_the_bounds_is_parsed(number: int) -> None:
    assert numbers.parse_whole(str(number), least=-numbers.MOST) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "+1",
        "1.0",
        "1e3",
        "--1",
        "٣",
        "²",
        "\uff11",
        "x",
        "\0",
        "1\n",
        "-1",
        "0" * 20 + "1",
        "9" * 5_005,
        str(2**63),
    ],
    ids=ascii,
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a whole number from 0 to 9223372036854775807"):
        numbers.parse_whole(text)


@given(some.text().filter(lambda text: text not in list("123456789")))
def test_no_text_raises_anything_else(text: str) -> None:
    with pytest.raises(ValueError, match="is not a whole number from 1 to 9"):
        numbers.parse_whole(text, least=1, most=9)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+30", "1E-31", "1E+999999", "0E+999999"])
def test_the_log_refuses_decimals_that_are_not_finite_or_too_long(text: str) -> None:
    assert not numbers.is_accepted(Decimal(text))


@pytest.mark.parametrize("text", ["0", "-1.50", "1E+29", "9" * 30, "1E-30", "0.000001"])
def test_the_log_accepts_other_decimals(text: str) -> None:
    assert numbers.is_accepted(Decimal(text))


@pytest.mark.parametrize(
    "number",
    [float("nan"), float("inf"), -float("inf"), 1e300, 2**63, -(2**63), 10**4_000],
    ids=lambda number: f"{number:.0e}" if isinstance(number, float) else len(str(number)),
)
def test_the_log_refuses_numbers_that_no_column_holds(number: float) -> None:
    assert not numbers.is_accepted(number)
