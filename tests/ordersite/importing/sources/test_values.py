"""Numbers, times and identifiers, as programs and people of several countries write them."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordersite.importing.sources.values import (
    BadValue,
    date_readings,
    number_readings,
    read_identifier,
    read_moment,
    read_number,
)

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("6", ".", "6"),
        ("6.0", ".", "6.0"),
        ("-2.55", ".", "-2.55"),
        ("\u22122,55", ",", "-2.55"),
        ("+2.55", ".", "2.55"),
        (" 2.55 ", ".", "2.55"),
        (".5", ".", "0.5"),
        ("5.", ".", "5"),
        ("1,234.50", ".", "1234.50"),
        ("1.234,50", ",", "1234.50"),
        ("1 234,50", ",", "1234.50"),
        ("1\u00a0234\u00a0567,5", ",", "1234567.5"),
        ("1'234.50", ".", "1234.50"),
        ("\u00a32.55", ".", "2.55"),
        ("-\u00a32.55", ".", "-2.55"),
        ("2.55 GBP", ".", "2.55"),
        ("1e-05", ".", "0.00001"),
    ],
)
def test_a_number_is_read_with_its_decimal_sign_and_its_groups_of_digits(text: str, decimal: str, number: str) -> None:
    assert read_number(text, decimal, "GBP") == Decimal(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "two",
        "2,55",
        "1,23,456.00",
        "12,34",
        "1,2345",
        "1,234 567",
        "\u20ac2.55",
        "$2",
        "NaN",
        "inf",
        "1_000",
        "\u0663",
    ],
)
def test_what_is_no_number_with_a_decimal_point_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        read_number(text, ".", "GBP")


@given(st.decimals(-(10**8), 10**8, places=2), st.sampled_from([(".", ","), (",", "."), (",", "\u00a0"), (".", "'")]))
def test_a_number_comes_back_from_every_way_of_writing_it(number: Decimal, signs: tuple[str, str]) -> None:
    decimal, group = signs
    text = f"{number:,.2f}".translate({ord(","): group, ord("."): decimal})
    assert read_number(text, decimal) == number
    assert number_readings(text)[decimal] == number


@pytest.mark.parametrize(
    ("text", "order", "moment"),
    [
        ("2010-12-01 08:26:00", "", "2010-12-01T08:26:00"),
        ("2010/12/01 8:26", "", "2010-12-01T08:26:00"),
        ("2010-12-01", "", "2010-12-01T00:00:00"),
        ("01/12/2010 08:26", "dmy", "2010-12-01T08:26:00"),
        ("01/12/2010 08:26", "mdy", "2010-01-12T08:26:00"),
        ("12/1/10 8:26 PM", "mdy", "2010-12-01T20:26:00"),
        ("12/1/2010 12:05 a.m.", "mdy", "2010-12-01T00:05:00"),
        ("1.12.2010, 08:26", "dmy", "2010-12-01T08:26:00"),
        ("2010-12-01T08:26:00.250", "", "2010-12-01T08:26:00.250000"),
        ("2010-12-01T08:26:00Z", "", "2010-12-01T08:26:00"),
        ("2010-07-01T08:26:00+02:00", "", "2010-07-01T07:26:00"),
    ],
)
def test_a_time_is_read_in_the_order_of_its_date(text: str, order: str, moment: str) -> None:
    assert read_moment(text, order, LONDON).replace(tzinfo=None).isoformat() == moment


@pytest.mark.parametrize(
    "text", ["", "3rd of December", "2010-02-30 08:00", "01/12/2010", "2010-12-01 25:00", "2010-12-01 8", "40513.35"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="cannot be read"):
        read_moment(text, "", LONDON)


def test_a_time_that_the_clocks_left_out_is_refused() -> None:
    with pytest.raises(BadValue, match="the clocks of Europe/London went forward"):
        read_moment("2011-03-27 01:30", "", LONDON)


@given(st.dates())
def test_a_day_comes_back_from_every_order_that_it_was_written_in(day: date) -> None:
    texts = {"dmy": f"{day.day:02}/{day.month:02}/{day.year:04}", "mdy": f"{day.month}/{day.day}/{day.year:04}"}
    assert all(date_readings(text)[order] == day for order, text in texts.items())
    assert set(date_readings(f"{day.year:04}-{day.month:02}-{day.day:02}").values()) == {day}


@pytest.mark.parametrize(
    ("text", "decimal", "identifier"),
    [
        ("17850", ".", "17850"),
        ("17850.0", ".", "17850"),
        ("17850.000", ".", "17850"),
        ("17850,0", ",", "17850"),
        ("17850,00", ",", "17850"),
        ("17850.0", ",", "17850"),
        (" 85123A ", ".", "85123A"),
        ("007", ".", "007"),
        ("", ".", ""),
    ],
)
def test_an_identifier_is_the_same_with_and_without_decimals(text: str, decimal: str, identifier: str) -> None:
    assert read_identifier(text, decimal) == identifier


@pytest.mark.parametrize(("text", "decimal"), [("17.000", ","), ("17,000", "."), ("1.017", ",")])
def test_thousands_in_an_identifier_are_no_decimals(text: str, decimal: str) -> None:
    assert read_identifier(text, decimal) == text


@pytest.mark.parametrize("text", ["5.36365E+05", "1E+10", "5,36E+05"])
def test_an_identifier_that_a_spreadsheet_rounded_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="rounded"):
        read_identifier(text, ".")
