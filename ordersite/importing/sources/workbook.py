"""Read the sheets of an .xlsx file, row by row, as the text that a CSV file would have."""

import warnings
import zipfile
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal, InvalidOperation
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.datetime import from_excel
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet._reader import FORMULA_TAG, VALUE_TAG, WorkSheetParser

from ordersite.importing.sources.errors import UnreadableFile
from ordersite.importing.sources.files import DAMAGED, LARGEST, MOST_DENSE, SourceFile, spooled
from ordersite.importing.sources.text import Record

FORMULA, MERGED = "(formula without a value)", "(merged cell)"
"""Take the place of values that a sheet does not have, as `MISSING` does."""
ERRORS = frozenset(("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"))
_DENSE_IS_FINE = 64 << 20  # bytes
_MOST_MERGED, _WIDEST = 100_000, 500  # rows, columns
_SERIALS = 2_958_466  # days; the first after the year 9999
_DIGITS = Context(prec=15)
_BROKEN = (
    *DAMAGED,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    ParseError,
    InvalidOperation,
    InvalidFileException,
)
"""What openpyxl raises when it reads a file that is no workbook, or a damaged one."""


class Exact(str):
    """The text of a number cell. It says nothing about the decimal sign of the texts around it."""

    __slots__ = ()


Merged = dict[int, list[tuple[int, int]]]
"""For each row, the first and the last column of what is inside a merged cell and has no value of its own."""


@dataclass(slots=True)
class Sheet:
    """A sheet: its name, and why it is only read if it is named ("" if there is no reason).

    `merged` is known after all rows were read once, because the file says it after the rows. `serials` counts the dates
    that were plain numbers.
    """

    name: str
    reason: str
    file: str
    _sheet: ReadOnlyWorksheet | None
    merged: Merged = field(default_factory=dict)
    serials: int = 0

    def records(self, decimal: str = ".", dates: Container[int] = ()) -> Iterator[Record]:
        """Yield all rows, whatever size the file says that the sheet has. Raises UnreadableFile.

        Numbers are written with `decimal`. In the columns `dates`, counted from 0, they are days since the epoch of the
        workbook. Cells inside merged ones become `MERGED`, and formulas whose value is not stored `FORMULA`.
        """
        rows = self._records(decimal, dates)
        while True:
            with _intact(self.file):
                row = next(rows, None)
            if row is None:
                return
            yield row

    def _records(self, decimal: str, dates: Container[int]) -> Iterator[Record]:
        if self._sheet is None:
            return
        sheet: Any = self._sheet  # the parser is openpyxl's own, and private
        book: Any = sheet.parent
        with sheet._get_source() as source:
            parser = _Parser(
                source,
                sheet._shared_strings,
                data_only=True,
                epoch=book.epoch,
                date_formats=book._date_formats,
                timedelta_formats=book._timedelta_formats,
            )
            for number, cells in parser.parse():
                values = [""] * max((cell["column"] for cell in cells), default=0)
                for cell in cells:
                    value, column = cell["value"], cell["column"] - 1
                    if column in dates and isinstance(value, Decimal):
                        value = self._date(value, book.epoch)
                    values[column] = _as_text(value, decimal)
                _mark_merged(values, self.merged.get(number, ()))
                while values and not values[-1]:
                    values.pop()
                yield Record(number, values)
            self.merged = _merged(parser, self.file)

    def _date(self, serial: Decimal, epoch: datetime) -> Any:
        if not 1 <= serial < _SERIALS:
            return serial
        self.serials += 1
        return from_excel(float(serial), epoch)


@contextmanager
def open_workbook(file: SourceFile) -> Iterator[list[Sheet]]:
    """Give the sheets of a workbook in their order. Raises UnreadableFile."""
    with file.open() as content, spooled(content) as book_file:
        with _intact(file.name):
            _refuse_bomb(file.name, book_file)
            book = openpyxl.load_workbook(book_file, read_only=True)
        try:
            sheets = [_sheet(sheet, file.name) for sheet in [*book.worksheets, *book.chartsheets]]
            if not sheets:
                raise UnreadableFile(
                    f"{file.name} holds no sheet that can be read. Save it again as an Excel workbook."
                )
            yield sheets
        finally:
            book.close()


@contextmanager
def _intact(name: str) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles, charts and forms, which do not matter here
            yield
    except _BROKEN as error:
        raise UnreadableFile(f"{name} cannot be read as an Excel workbook: {error}") from error


def _refuse_bomb(name: str, content: BinaryIO) -> None:
    with zipfile.ZipFile(content) as archive:
        infos = archive.infolist()
    content.seek(0)
    unpacked, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
    if unpacked > LARGEST or unpacked > max(_DENSE_IS_FINE, packed * MOST_DENSE):
        raise UnreadableFile(f"{name} unpacks to {unpacked >> 20:,} MiB, which is more than a workbook of orders needs")


def _sheet(sheet: Any, file: str) -> Sheet:
    if not isinstance(sheet, ReadOnlyWorksheet):
        return Sheet(sheet.title, "a chart sheet, without rows", file, None)
    return Sheet(sheet.title, "" if sheet.sheet_state == "visible" else "a hidden sheet", file, sheet)


class _Parser(WorkSheetParser):
    """Keeps numbers as they stand in the file, and marks formulas whose value is not stored.

    openpyxl's own rows stop at the size that the file states, and leave rows out that are not in order.
    """

    def parse_cell(self, element: Any) -> dict[str, Any]:
        cell = super().parse_cell(element)
        if cell["value"] is None and element.find(FORMULA_TAG) is not None:
            cell["value"] = FORMULA
        elif cell["data_type"] == "n" and cell["value"] is not None:
            cell["value"] = Decimal(element.findtext(VALUE_TAG))
        return cell


def _as_text(value: Any, decimal: str) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return Exact(_plain(value).replace(".", decimal))
    if isinstance(value, bool):
        return str(value).upper()
    return str(value)


def _plain(number: Decimal) -> str:
    """Return a number without an exponent, and with the 15 digits that a spreadsheet has if it is a fraction."""
    if abs(number.adjusted()) > 20:
        return str(number)
    if number == number.to_integral_value():
        return str(int(number))
    return f"{_DIGITS.plus(number).normalize():f}"


def _mark_merged(values: list[str], ranges: Iterable[tuple[int, int]]) -> None:
    for first, last in ranges:
        values.extend([""] * (last - len(values)))
        for column in range(first - 1, last):
            values[column] = values[column] or MERGED


def _merged(parser: WorkSheetParser, file: str) -> Merged:
    merged: Merged = {}
    ranges = list(parser.merged_cells.mergeCell) if parser.merged_cells else []
    if sum(each.max_row - each.min_row + 1 for each in ranges) > _MOST_MERGED:
        raise UnreadableFile(f"{file} has more than {_MOST_MERGED:,} rows of merged cells. Unmerge them.")
    for each in ranges:
        last = min(each.max_col, _WIDEST)
        for row in range(each.min_row, each.max_row + 1):
            first = each.min_col + (row == each.min_row)
            if first <= last:
                merged.setdefault(row, []).append((first, last))
    return merged
