"""Workbooks: every row of every sheet is read, quarantined, or named as not read."""

import tracemalloc
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.chart import BarChart
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from ordersite.importing.sources import package
from ordersite.importing.sources.errors import UnreadableFile
from tests.support.importing import HEAD, UK
from tests.support.importing_files import COLUMNS, change_member, invoice, write_book
from tests.support.surveys import lines_of, rows_of, survey, table_of

SHEET = "xl/worksheets/sheet1.xml"
ROWS: list[list[Any]] = [
    [n, "AA", "Mug", 2, datetime.fromisoformat(f"2010-12-0{n} 08:26"), 2.55, 17850.0, UK] for n in range(1, 7)
]


def texts(numbers: range = range(1, 7)) -> list[list[str]]:
    return [[str(n), "AA", "Mug", "2", f"2010-12-0{n} 08:26:00", "2.55", "17850", UK] for n in numbers]


@pytest.mark.parametrize("size", ["A1:H2", "A1:H1", "A1", "A1:B3", "A1:XFD1048576"])
def test_all_rows_are_read_whatever_size_the_sheet_states(tmp_path: Path, size: str) -> None:
    path = write_book(tmp_path / "orders.xlsx", Orders=[COLUMNS, *ROWS])
    change_member(path, SHEET, 'ref="A1:H7"', f'ref="{size}"')
    assert rows_of(table_of(path)) == texts()


def test_rows_that_are_not_in_order_are_read(tmp_path: Path) -> None:
    path = write_book(tmp_path / "orders.xlsx", Orders=[COLUMNS, *ROWS])
    change_member(path, SHEET, '<row r="4">', '<row r="2">')
    assert rows_of(table_of(path)) == texts()


def test_several_sheets_are_tables_and_other_sheets_are_named(tmp_path: Path) -> None:
    path = write_book(
        tmp_path / "year.xlsx",
        Jan=[COLUMNS, *ROWS[:2]],
        Notes=[["about"], ["x"]],
        Feb=[COLUMNS, *ROWS[2:]],
        Old=[COLUMNS, *ROWS],
        Empty=[],
    )
    book = openpyxl.load_workbook(path)
    book["Old"].sheet_state = "hidden"
    book.create_chartsheet("Chart").add_chart(BarChart())
    book.save(path)
    found = survey(path)
    assert [table.sheet for table in found.tables] == ["Jan", "Feb"]
    assert {each.name.split(" ")[-1]: each.rows for each in found.not_read} == {
        "[Notes]": 2,
        "[Old]": 7,
        "[Empty]": 0,
        "[Chart]": 0,
    }
    assert found.rows == 2 + 4 + 2 + 7
    assert [table.sheet for table in survey(path, sheets=["Old"]).tables] == ["Old"]
    with pytest.raises(UnreadableFile, match="no workbook has a sheet"):
        survey(path, sheets=["Chart", "Old"])


def test_a_workbook_of_a_chart_sheet_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chart.xlsx"
    book = openpyxl.Workbook()
    book.create_chartsheet("Chart").add_chart(BarChart())
    book.remove(book.worksheets[0])
    book.save(path)
    with pytest.raises(UnreadableFile, match="sheet Chart: a chart sheet"):
        survey(path)


def test_formulas_without_a_value_merged_cells_and_errors_are_problems_of_their_rows(tmp_path: Path) -> None:
    rows = [list(row) for row in ROWS]
    rows[1][6], rows[4][6] = "=A1", "#N/A"
    path = write_book(tmp_path / "orders.xlsx", Orders=[COLUMNS, *rows])
    book = openpyxl.load_workbook(path)
    book["Orders"].merge_cells("A4:A5")
    book.save(path)
    assert [line.problem for line in lines_of(table_of(path))] == [
        "",
        "a formula whose value is not stored in the file",
        "",
        "merged cells",
        "a spreadsheet's error value",
        "",
    ]


def test_dates_are_right_in_both_calendars_and_as_plain_numbers(tmp_path: Path) -> None:
    path = tmp_path / "mac.xlsx"
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    sheet: Any = book.active
    for row in ([*COLUMNS], ROWS[0], [*ROWS[1][:4], 39_051.5, *ROWS[1][5:]]):
        sheet.append(row)
    book.save(path)
    table = table_of(path)
    assert [row[4] for row in rows_of(table)] == ["2010-12-01 08:26:00", "2010-12-01 12:00:00"]
    assert table.serials == 1


def test_number_cells_follow_the_decimal_sign_of_the_texts_around_them(tmp_path: Path) -> None:
    rows = [[*ROWS[0][:5], price, *ROWS[0][6:]] for price in (2.55, "2,55", 1234.5, 0.1 + 0.2, 1e-05)]
    table = table_of(write_book(tmp_path / "mixed.xlsx", Orders=[COLUMNS, *rows]))
    assert table.dialect.decimal == ","
    assert [row[5] for row in rows_of(table)] == ["2,55", "2,55", "1234,5", "0,3", "0,00001"]


@pytest.mark.parametrize(
    "member", ["[Content_Types].xml", "xl/workbook.xml", SHEET, "xl/_rels/workbook.xml.rels", "xl/styles.xml"]
)
def test_a_workbook_with_a_part_missing_is_refused_or_read(tmp_path: Path, member: str) -> None:
    path = write_book(tmp_path / "orders.xlsx", Orders=[COLUMNS, *ROWS])
    change_member(path, member, "", None)
    outcome: object
    try:
        outcome = len(lines_of(table_of(path)))
    except UnreadableFile as error:
        outcome = str(error)
    assert outcome == len(ROWS) or str(path) in str(outcome)


@pytest.mark.parametrize(
    ("old", "new"),
    [('<row r="3">', '<row r="three">'), ("</sheetData>", ""), ('r="A2"', 'r="??"'), ("<v>2.55</v>", "<v>x</v>")],
)
def test_a_damaged_sheet_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = write_book(tmp_path / "orders.xlsx", Orders=[COLUMNS, *ROWS])
    change_member(path, SHEET, old, new)
    with pytest.raises(UnreadableFile, match=r"orders.xlsx cannot be read as an Excel workbook"):
        survey(path)


def test_a_sheet_with_most_columns_is_not_left_out_silently(tmp_path: Path) -> None:
    head = [*COLUMNS[:3], "Pieces", *COLUMNS[4:]]
    path = write_book(tmp_path / "orders.xlsx", Jan=[COLUMNS, *ROWS], Feb=[head, *ROWS])
    with pytest.raises(UnreadableFile, match=r"\[Feb\]: .*without Quantity"):
        survey(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = write_book(tmp_path / "bomb.xlsx", Orders=[COLUMNS, *ROWS])
    change_member(path, SHEET, "</sheetData>", " " * (65 << 20) + "</sheetData>")
    with pytest.raises(UnreadableFile, match="unpacks to 65 MiB"):
        survey(path)


_HUGE = 24 << 20  # bytes, of which a tree would take gigabytes


@pytest.mark.parametrize(
    ("member", "before", "unit"),
    [
        (SHEET, "</row></sheetData>", "<c/>"),
        (SHEET, "</sheetData>", "<a/>"),
        (SHEET, "</sheetData>", "<a>"),
        (SHEET, "</row></sheetData>", "<!-- and so on -->"),
        ("xl/styles.xml", "</cellXfs>", "<xf/>"),
        ("xl/workbook.xml", "</sheets>", "<a/>"),
        ("xl/_rels/workbook.xml.rels", "</Relationships>", "<a/>"),
        ("[Content_Types].xml", "</Types>", "<a/>"),
    ],
)
def test_a_part_whose_tree_would_be_huge_is_refused_while_it_is_read(
    tmp_path: Path, member: str, before: str, unit: str
) -> None:
    path = write_book(tmp_path / "dense.xlsx", Orders=[COLUMNS, *ROWS])
    change_member(path, member, before, unit * (_HUGE // len(unit)) + before)
    assert path.stat().st_size < 1 << 18
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableFile, match=r"larger than|more than 4 MiB"):
            survey(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 29
    finally:
        tracemalloc.stop()


def test_more_rows_or_texts_than_a_workbook_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_book(tmp_path / "long.xlsx", Orders=[COLUMNS, *ROWS])
    monkeypatch.setattr(package, "_MOST_STEPS", 3)
    with pytest.raises(UnreadableFile, match="more than 3 rows or texts"):
        survey(path)


def test_rows_are_forgotten_once_they_are_read(tmp_path: Path) -> None:
    path = write_book(tmp_path / "empty rows.xlsx", Orders=[COLUMNS, *ROWS])
    change_member(path, SHEET, "</sheetData>", "<row/>" * 300_000 + "</sheetData>")
    tracemalloc.start()
    try:
        assert len(rows_of(table_of(path))) == len(ROWS)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20, "300,000 empty elements take 30 MB"
    finally:
        tracemalloc.stop()


def test_entities_of_xml_do_not_multiply(tmp_path: Path) -> None:
    path = write_book(tmp_path / "laughs.xlsx", Orders=[COLUMNS, *ROWS])
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    change_member(path, SHEET, "<worksheet", f"<!DOCTYPE x [{entities}]><worksheet")
    change_member(path, SHEET, "</row></sheetData>", "<c><f>&a9;</f></c></row></sheetData>")
    with pytest.raises(UnreadableFile, match="cannot be read as an Excel workbook"):
        survey(path)


def test_text_in_cells_is_read_as_it_is_in_text_files(tmp_path: Path) -> None:
    row = invoice(1, "13/12/2010 08:26", units="1 000", price="2,55")
    table = table_of(write_book(tmp_path / "text.xlsx", Orders=[HEAD.split(","), row]))
    assert (table.dialect.date_order, table.dialect.decimal, rows_of(table)) == ("dmy", ",", [row])
