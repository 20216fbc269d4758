"""How a file is written is found from all of its rows, or the import is refused with the option that settles it."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordersite.importing.invoices import read_line
from ordersite.importing.sources.errors import UnreadableFile
from tests.support.importing import HEAD
from tests.support.importing_files import COLUMNS, DAYS, invoice, write_text
from tests.support.surveys import lines_of, rows_of, survey, table_of

DAY_FIRST = [invoice(n, f"{day}/12/2010 08:26") for n, day in enumerate(DAYS, 536365)]
MONTH_FIRST = [invoice(n, f"12/{day}/2010 08:26") for n, day in enumerate(DAYS, 536365)]


@pytest.mark.parametrize(
    ("rows", "order", "proof"),
    [
        (DAY_FIRST, "dmy", "day first ('13/12/2010 08:26' on line 14)"),
        (DAY_FIRST[::-1], "dmy", "day first ('31/12/2010 08:26' on line 2)"),
        (MONTH_FIRST, "mdy", "month first ('12/13/2010 08:26' on line 14)"),
        ([invoice(1, "32/12/31 08:26")], "ymd", "year first ('32/12/31 08:26' on line 2)"),
        ([invoice(1, "2010-12-01 08:26")], "", "year first"),
        ([invoice(1, "01/01/2011 08:26"), invoice(2, "02.02.2011")], "dmy", "day first"),
        (
            [*DAY_FIRST, invoice(1, "31/31/2010"), invoice(2, "soon")],
            "dmy",
            "day first ('13/12/2010 08:26' on line 14)",
        ),
    ],
)
def test_the_order_of_dates_is_found_from_all_rows(
    tmp_path: Path, rows: list[list[str]], order: str, proof: str
) -> None:
    table = table_of(write_text(tmp_path / "days.csv", rows))
    assert (table.dialect.date_order, table.written["dates"]) == (order, proof)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (DAY_FIRST[:12], r"'01/12/2010 08:26' \(line 2\) is 2010-12-01 \(day first\), or 2010-01-12 \(month first\)"),
        ([invoice(1, "13/12/11")], r"2011-12-13 \(day first\), or 2013-12-11 \(year first\).* --date-order dmy\|ymd"),
        ([*DAY_FIRST, *MONTH_FIRST], "mixes its dates: .*'13/12/2010 08:26'.* is not month first"),
    ],
)
def test_dates_that_could_be_two_things_are_refused(tmp_path: Path, rows: list[list[str]], words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        survey(write_text(tmp_path / "days.csv", rows))


@given(
    st.lists(
        st.tuples(st.dates(date(2001, 1, 1), date(2099, 12, 31)), st.integers(1, 5000), st.integers(1, 10**7)),
        max_size=6,
    ),
    st.sampled_from(
        ["{0:%d/%m/%Y}", "{0:%m/%d/%Y}", "{0:%d.%m.%y}", "{0:%m-%d-%y}", "{0:%y/%m/%d}", "{0:%Y-%m-%d}", "{0:%Y/%m/%d}"]
    ),
    st.sampled_from([("", "."), ("", ","), (",", "."), (".", ","), (" ", ","), ("'", ".")]),
    st.tuples(st.sampled_from(list(",;\t|")), st.sampled_from(["utf-8", "utf-16"])),
)
def test_a_table_is_read_as_it_was_meant_or_refused_in_every_dialect(
    tmp_path_factory: pytest.TempPathFactory,
    orders: list[tuple[date, int, int]],
    pattern: str,
    signs: tuple[str, str],
    form: tuple[str, str],
) -> None:
    def written(number: Decimal | int) -> str:
        return f"{number:,}".translate({ord(","): signs[0], ord("."): signs[1]})

    meant = [(day, units, Decimal(pence) / 100) for day, units, pence in orders]
    rows = [invoice(1, pattern.format(day), units=written(units), price=written(price)) for day, units, price in meant]
    path = write_text(tmp_path_factory.mktemp("tables") / "a.csv", rows, delimiter=form[0], encoding=form[1])
    try:
        lines = [read_line(line) for line in lines_of(table_of(path))]
    except UnreadableFile as error:
        outcome = str(error)
    else:
        outcome = ""
        assert [(line.at.date(), line.quantity, line.price) for line in lines] == meant
    assert not outcome or "Say which: --" in outcome


def test_an_option_settles_what_is_unclear_and_never_contradicts_what_is_clear(tmp_path: Path) -> None:
    unclear, clear = write_text(tmp_path / "a.csv", DAY_FIRST[:12]), write_text(tmp_path / "b.csv", MONTH_FIRST)
    assert table_of(unclear, date_order=["dmy"]).dialect.date_order == "dmy"
    assert table_of(unclear, date_order=["mdy"]).earliest == date(2010, 1, 12)
    with pytest.raises(UnreadableFile, match=r"b.csv: --date-order says day first, but '12/13/2010 08:26' \(line 14\)"):
        survey(unclear, clear, date_order=["dmy"])
    first, second = survey(unclear, clear, date_order=["a.csv=dmy"]).tables
    assert (first.dialect.date_order, second.dialect.date_order) == ("dmy", "mdy")
    with pytest.raises(UnreadableFile, match="no file of this import has the name typo"):
        survey(unclear, date_order=["dmy", "typo.csv=dmy"])


@pytest.mark.parametrize(
    ("prices", "decimal"),
    [
        (["2.55", "3"], "."),
        (["2,55", "3"], ","),
        (["1.234,50", "1.234"], ","),
        (["1,234.50", "1,234"], "."),
        (["0.001"], "."),
        (["3", "17"], "."),
        (["\u00a32,55", "two"], ","),
    ],
)
def test_the_decimal_sign_is_found_from_all_prices_and_quantities(
    tmp_path: Path, prices: list[str], decimal: str
) -> None:
    rows = [invoice(n, "2010-12-01 08:26", price=price) for n, price in enumerate(prices)]
    assert table_of(write_text(tmp_path / "prices.csv", rows, delimiter=";")).dialect.decimal == decimal


def test_a_price_that_could_be_two_numbers_is_refused_and_settled_by_an_option(tmp_path: Path) -> None:
    path = write_text(tmp_path / "prices.csv", [invoice(1, "2010-12-01 08:26", price="1,234")])
    with pytest.raises(UnreadableFile, match=r"'1,234' \(line 2\) is 1234.0 \(point\), or 1.234 \(comma\).*--decimal"):
        survey(path)
    assert table_of(path, decimal=[","]).dialect.decimal == ","
    rows = [invoice(n, "2010-12-01 08:26", price=price) for n, price in enumerate(("2.55", "2,55"))]
    with pytest.raises(UnreadableFile, match="mixes its decimal signs"):
        survey(write_text(path, rows))


@pytest.mark.parametrize("delimiter", list(",;\t|"))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_delimiter_encoding_and_line_ends_are_found(tmp_path: Path, delimiter: str, encoding: str, end: str) -> None:
    rows = [invoice(1, "2010-12-01 08:26", name='Caf\u00e9 \u20ac, ; | \t\n\u201cquoted\u201d "so"')]
    path = write_text(tmp_path / "some.txt", rows, delimiter=delimiter, encoding=encoding, end=end)
    table = table_of(path)
    assert (table.delimiter, table.encoding) == (delimiter, encoding)
    assert rows_of(table) == rows


def test_the_names_of_columns_that_other_programs_use_are_known_in_any_order(tmp_path: Path) -> None:
    head = [
        "Country",
        "Customer ID",
        "invoice",
        "Price",
        "Invoice Date",
        "Shop",
        "QUANTITY",
        "stock_code",
        "Description",
    ]
    row = ["EIRE", "17850", "1", "2.50", "2010-12-01", "north", "3", "AA", "Mug"]
    table = table_of(write_text(tmp_path / "other.csv", [row], head=head))
    assert rows_of(table) == [["1", "AA", "Mug", "3", "2010-12-01", "2.50", "17850", "EIRE"]]
    assert table.heading.rest == ((5, "Shop"),)


def test_the_line_that_names_the_delimiter_blank_lines_and_repeated_headings_are_no_rows_to_import(
    tmp_path: Path,
) -> None:
    path = tmp_path / "odd.csv"
    row = ";".join(invoice(1, "2010-12-01"))
    path.write_text(f"sep=;\n\n{HEAD.replace(',', ';')}\n{row}\n;;;;;;;\n\n{HEAD.replace(',', ';')}\n{row}\n")
    table = table_of(path)
    skipped: list[str] = []
    assert [line.number for line in table.lines(skipped.append)] == [4, 8]
    assert skipped == ["blank line", "blank line", "heading, repeated"]
    assert table.rows == 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"encoding": ["klingon"]}, "unknown encoding: klingon"),
        ({"encoding": ["hex"]}, "not a text encoding"),
        ({"encoding": ["undefined"]}, "undefined"),
        ({"encoding": ["utf-16"]}, "is not utf-16"),
        ({"encoding": ["cp1252"]}, "is UTF-8, and not cp1252"),
        ({"delimiter": ["%"]}, "expected one of"),
        ({"decimal": ["x"]}, "expected one of"),
        ({"date_order": ["ydm"]}, "expected one of"),
        ({"time_zone": ["Europe/Atlantis"]}, "there is no such time zone"),
        ({"sheets": ["May"]}, "no workbook has a sheet"),
    ],
)
def test_an_option_that_cannot_be_right_is_refused(tmp_path: Path, options: dict[str, list[str]], words: str) -> None:
    path = write_text(tmp_path / "some.csv", [invoice(1, "2010-12-01", name="Caf\u00e9")])
    with pytest.raises(UnreadableFile, match=words):
        survey(path, **options)


@pytest.mark.parametrize("encoding", ["cp1252", "cp1251", "iso-8859-15", "utf-16-le", "utf-16-be"])
def test_an_encoding_that_the_bytes_do_not_prove_has_to_be_named(tmp_path: Path, encoding: str) -> None:
    name = "\u041a\u0440\u0443\u0436\u043a\u0430" if encoding == "cp1251" else "Caf\u00e9 \u20ac"
    path = write_text(tmp_path / "some.csv", [invoice(1, "2010-12-01", name=name)], encoding=encoding)
    with pytest.raises(UnreadableFile, match=rf"--encoding {encoding}"):
        survey(path)
    assert rows_of(table_of(path, encoding=[encoding]))[0][2] == name


def test_latin_1_is_refused_where_it_would_take_quotation_marks_for_control_characters(tmp_path: Path) -> None:
    path = write_text(
        tmp_path / "some.csv", [invoice(1, "2010-12-01", name="\u201cMug\u201d \u20ac")], encoding="cp1252"
    )
    with pytest.raises(UnreadableFile, match=r"would be a control character.*--encoding cp1252"):
        survey(path, encoding=["latin-1"])
    utf_16 = write_text(tmp_path / "wide.csv", [invoice(1, "2010-12-01")], encoding="utf-16")
    with pytest.raises(UnreadableFile, match="begins with the mark of utf-16, so it is not iso8859-1"):
        survey(utf_16, encoding=["latin-1"])


def test_times_are_in_the_zone_that_is_named(tmp_path: Path) -> None:
    path = write_text(tmp_path / "some.csv", [invoice(1, "2010-07-01 12:00")])
    zones = [table_of(path, time_zone=[zone]).dialect.zone for zone in ("UTC", "Asia/Tokyo")]
    assert [datetime(2010, 7, 1, tzinfo=zone).utcoffset().total_seconds() for zone in zones] == [0, 32_400]  # type: ignore[union-attr]


def test_a_heading_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    assert table_of(write_text(tmp_path / "head.csv", [])).rows == 0


def test_a_heading_that_lacks_a_column_says_which(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="without UnitPrice"):
        survey(write_text(tmp_path / "some.csv", [], head=[name for name in COLUMNS if name != "UnitPrice"]))
