"""Read the sheets of an .xlsx file, row by row, as the text that a CSV file would have."""

import warnings
from collections.abc import Container, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal, InvalidOperation
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils.datetime import from_excel
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._reader import FORMULA_TAG, MERGE_TAG, ROW_TAG, VALUE_TAG, WorkSheetParser
from openpyxl.worksheet.merge import MergeCells
from openpyxl.xml.constants import SHARED_STRINGS

from ordersite.importing.sources.errors import UnreadableFile
from ordersite.importing.sources.files import DAMAGED, SourceFile, spooled
from ordersite.importing.sources.package import Package
from ordersite.importing.sources.text import Record

FORMULA, MERGED = "(formula without a value)", "(merged cell)"
"""Take the place of values that a sheet does not have, as `MISSING` does."""
ERRORS = frozenset(("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"))
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
    _part: str
    _book: "_Book"
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
        if not self._part:
            return
        parser, epoch = self._book.parser(), self._book.epoch
        for number, cells in parser.rows(self._book.package, self._part):
            values = [""] * max((cell["column"] for cell in cells if cell["value"] is not None), default=0)
            for cell in cells:
                value, column = cell["value"], cell["column"] - 1
                if value is None:
                    continue
                if column in dates and isinstance(value, Decimal):
                    value = self._date(value, epoch)
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
    with ExitStack() as stack:
        content = stack.enter_context(spooled(stack.enter_context(file.open())))
        with _intact(file.name):
            book = _Book(stack.enter_context(Package(content, file.name)), content)
            sheets = list(book.sheets())
        if not sheets:
            raise UnreadableFile(f"{file.name} holds no sheet that can be read. Save it again as an Excel workbook.")
        yield sheets


class _Book:
    """What openpyxl finds out about a workbook before its sheets are read."""

    def __init__(self, package: Package, content: BinaryIO) -> None:
        self.package = package
        reader: Any = ExcelReader(content, read_only=True, keep_links=False)
        reader.archive = package
        reader.read_manifest()
        reader.read_workbook()
        apply_stylesheet(package, reader.wb)
        strings = reader.package.find(SHARED_STRINGS)
        self._strings = package.strings(strings.PartName[1:]) if strings else []
        self._reader = reader
        self.epoch: datetime = reader.wb.epoch

    def sheets(self) -> Iterator[Sheet]:
        for sheet, relation in self._reader.parser.find_sheets():
            if relation.target not in self._reader.valid_files:
                continue
            if "chartsheet" in relation.Type:
                yield Sheet(sheet.name, "a chart sheet, without rows", self.package.name, "", self)
            else:
                reason = "" if sheet.state == "visible" else "a hidden sheet"
                yield Sheet(sheet.name, reason, self.package.name, relation.target, self)

    def parser(self) -> "_Parser":
        book = self._reader.wb
        nothing: Any = None  # `rows` is given the part that it reads
        return _Parser(
            nothing,
            self._strings,
            data_only=True,
            epoch=self.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )


@contextmanager
def _intact(name: str) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles, charts and forms, which do not matter here
            yield
    except _BROKEN as error:
        raise UnreadableFile(f"{name} cannot be read as an Excel workbook: {error}") from error


class _Parser(WorkSheetParser):
    """Keeps numbers as they stand in the file, and marks formulas whose value is not stored.

    openpyxl's own rows stop at the size that the file states, and leave rows out that are not in order. Its own loop
    keeps all that it read until the sheet ends.
    """

    def rows(self, package: Package, part: str) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        for element in package.steps(part, ROW_TAG):
            if element.tag == ROW_TAG:
                yield self.parse_row(element)
                self.row_dimensions.clear()
            elif element.tag == MERGE_TAG:
                self.merged_cells = MergeCells.from_tree(element)

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
