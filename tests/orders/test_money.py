"""Exact money: divided amounts add up again, in whole smallest units."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.errors import CommandRefused
from orders.money import (
    LARGEST,
    apportion,
    exponent,
    part,
    plain,
    require_exact,
    require_positive,
    rounded,
    smallest,
    spread,
)

CURRENCIES = st.sampled_from(["GBP", "JPY", "BHD", "CLF"])
units = st.integers(0, 10**9)


@given(st.data(), CURRENCIES, st.lists(units, min_size=1, max_size=12))
def test_shares_add_up_and_each_is_less_than_one_unit_off(
    data: st.DataObject, currency: str, weights: list[int]
) -> None:
    unit = smallest(currency)
    amount = data.draw(units) * unit
    parts = spread(amount, [Decimal(weight) for weight in weights], currency)
    assert sum(parts) == (amount if any(weights) else 0)
    for each, weight in zip(parts, weights, strict=True):
        assert each % unit == 0
        assert abs(each - amount * weight / max(sum(weights), 1)) < unit or not any(weights)


def test_units_left_over_go_to_the_shares_that_lost_most_and_to_the_first_of_equal_ones() -> None:
    assert [str(each) for each in spread(Decimal("1.00"), [Decimal(1)] * 3, "GBP")] == ["0.34", "0.33", "0.33"]
    weights = [Decimal("0.1"), Decimal("0.6"), Decimal("0.3")]
    assert [str(each) for each in spread(Decimal("0.08"), weights, "GBP")] == ["0.01", "0.05", "0.02"]


few = st.integers(0, 30) | units


@given(st.data(), CURRENCIES, st.lists(few, min_size=1, max_size=9))
def test_dividing_the_rest_among_the_rest_gives_the_same_shares(
    data: st.DataObject, currency: str, sizes: list[int]
) -> None:
    unit = smallest(currency)
    weights = [size * unit for size in sizes]
    amount = data.draw(st.integers(0, sum(sizes))) * unit
    shares = apportion(amount, weights, currency)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert share % unit == 0
        assert 0 <= share <= weight
    kept = data.draw(st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes)))
    rest = amount - sum(share for share, is_kept in zip(shares, kept, strict=True) if is_kept)
    others = [Decimal(0) if is_kept else weight for weight, is_kept in zip(weights, kept, strict=True)]
    again = [0 if is_kept else share for share, is_kept in zip(shares, kept, strict=True)]
    assert apportion(rest, others, currency) == again


def test_largest_remainders_would_divide_the_rest_otherwise() -> None:
    """So a discount on a whole order is divided by `apportion`: edits of some lines leave the others alone."""
    weights = [Decimal(weight) for weight in ("0.01", "0.01", "0.04")]
    first, second, third = spread(Decimal("0.02"), weights, "GBP")
    assert [first, third] == [Decimal("0.01"), Decimal("0.01")]
    assert spread(first + third, [weights[0], weights[2]], "GBP") == [second, Decimal("0.02")]


def test_units_left_over_go_first_to_the_first_of_equal_weights() -> None:
    assert [str(each) for each in apportion(Decimal("1.00"), [Decimal(1)] * 3, "GBP")] == ["0.34", "0.33", "0.33"]
    assert [str(each) for each in apportion(Decimal("0.02"), [Decimal(1)] * 4, "GBP")] == [
        "0.01",
        "0.01",
        "0.00",
        "0.00",
    ]


@given(st.data(), CURRENCIES, units, st.integers(1, 50))
def test_parts_of_any_size_add_up_to_the_whole(data: st.DataObject, currency: str, whole: int, pieces: int) -> None:
    total, taken, came = whole * smallest(currency), 0, Decimal(0)
    while taken < pieces:
        take = data.draw(st.integers(1, pieces - taken))
        came += part(total, of=pieces, before=taken, take=take, currency=currency)
        taken += take
    assert came == total


def test_a_part_of_zero_is_zero() -> None:
    assert part(Decimal(0), of=0, take=0, currency="GBP") == 0


def test_a_half_goes_away_from_zero() -> None:
    assert [str(rounded(Decimal(each), "GBP")) for each in ("0.005", "-0.005", "0.0149")] == ["0.01", "-0.01", "0.01"]


@pytest.mark.parametrize(("currency", "decimals"), [("GBP", 2), ("JPY", 0), ("BHD", 3), ("CLF", 4)])
def test_every_currency_has_its_own_decimals(currency: str, decimals: int) -> None:
    assert exponent(currency) == decimals


@pytest.mark.parametrize(("number", "shown"), [("9.950000", "9.95"), ("100.00", "100"), ("1E+2", "100"), ("0.00", "0")])
def test_plain_removes_trailing_zeros(number: str, shown: str) -> None:
    assert str(plain(Decimal(number))) == shown


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "1E+40", "-1E+40", str(LARGEST)])
def test_infinite_and_too_large_amounts_are_refused(amount: str) -> None:
    with pytest.raises(CommandRefused, match="must be less than"):
        require_exact(Decimal(amount), "GBP")


@pytest.mark.parametrize("amount", ["0", "-0.01", "NaN"])
def test_amounts_must_be_more_than_zero(amount: str) -> None:
    with pytest.raises(CommandRefused) as refusal:
        require_positive(Decimal(amount), "GBP")
    assert refusal.value.code == "amount_not_positive"


def test_yen_are_whole() -> None:
    assert require_exact(Decimal("100.0"), "JPY") == 100
    with pytest.raises(CommandRefused, match="more than 0 decimals"):
        require_exact(Decimal("100.5"), "JPY")
