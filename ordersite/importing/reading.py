"""Read a file in the Online Retail layout line by line: CSV, packed CSV or a spreadsheet."""

import csv
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import openpyxl

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
CREDIT_NOTE, BAD_DEBT = "C", "A"  # first letter of their invoice numbers; the numbers of orders have none
_OPEN: dict[str, Callable[[Any], Any]] = {".csv": lambda packed: packed, ".xz": lzma.open, ".gz": gzip.open}


class UnreadableFile(Exception):
    """The file does not have the layout, or is damaged from some line on. The message says what was expected.

    The lines before the damage are imported. Once the file is repaired, a second run adds the rest and repeats nothing.
    """


class RawLine(msgspec.Struct, frozen=True, gc=False):
    """One line of the file, with all values as text. Fast path: a msgspec struct, because every line makes one."""

    number: int
    values: Sequence[str]

    @property
    def is_customers_cancellation(self) -> bool:
        """Whether it is a line of a credit note that names a customer."""
        invoice, customer = self._column("InvoiceNo"), self._column("CustomerID")
        return invoice.upper().startswith(CREDIT_NOTE) and bool(customer)

    def _column(self, name: str) -> str:
        index = COLUMNS.index(name)
        return self.values[index].strip() if index < len(self.values) else ""


@contextmanager
def lines_of(path: Path, encoding: str) -> Iterator[tuple[Iterator[RawLine], Callable[[], float]]]:
    """Open the file; give its lines, and a function that returns which part of it is read so far (0 to 1).

    Raises UnreadableFile, when it is opened and at each line.
    """
    with ExitStack() as open_files:
        with _readable(path, encoding):
            if path.suffix == ".xlsx":
                rows, share = _sheet(path, open_files)
            elif path.suffix in _OPEN:
                rows, share = _text(path, encoding, open_files)
            else:
                raise UnreadableFile(f"{path}: only .csv, .csv.xz, .csv.gz and .xlsx can be read")
        yield _raw_lines(rows, path, encoding), share


@contextmanager
def _readable(path: Path, encoding: str) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{path} is not {encoding}: {error}. Try --encoding latin-1.") from error
    except (OSError, EOFError, csv.Error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise UnreadableFile(f"{path} cannot be read: {error}") from error


def _sheet(path: Path, open_files: ExitStack) -> tuple[Iterator[Any], Callable[[], float]]:
    book = openpyxl.load_workbook(path, read_only=True)
    open_files.callback(book.close)
    sheet = book.worksheets[0]
    counted = _CountedRows(sheet.iter_rows(values_only=True))
    return map(_as_text, counted), lambda: counted.rows / max(sheet.max_row or 1, 1)


def _text(path: Path, encoding: str, open_files: ExitStack) -> tuple[Iterator[Any], Callable[[], float]]:
    size = max(path.stat().st_size, 1)
    packed = open_files.enter_context(path.open("rb"))
    unpack = _OPEN[path.suffix]
    text = open_files.enter_context(io.TextIOWrapper(unpack(packed), encoding=encoding, newline=""))
    return csv.reader(text), lambda: packed.tell() / size


class _CountedRows:
    """An iterator of rows that counts them."""

    def __init__(self, rows: Any) -> None:
        self._rows = iter(rows)
        self.rows = 0

    def __iter__(self) -> "_CountedRows":
        return self

    def __next__(self) -> Any:
        self.rows += 1
        return next(self._rows)


def _raw_lines(rows: Iterator[Any], path: Path, encoding: str) -> Iterator[RawLine]:
    with _readable(path, encoding):
        heading = tuple(str(name).strip().removeprefix("\ufeff") for name in next(rows, ()))
    if heading != COLUMNS:
        raise UnreadableFile(f"the first line has to be {','.join(COLUMNS)}; it is {','.join(heading)[:200]!r}")
    # The caller's errors are not raised in here: a generator does not see what its caller does with a line.
    with _readable(path, encoding):
        for number, values in enumerate(rows, start=2):
            yield RawLine(number, values)


def _as_text(row: tuple[Any, ...]) -> tuple[str, ...]:
    """Return a spreadsheet's cells as the text that a CSV file has: 17850.0 is customer 17850."""

    def text(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else str(value)

    return tuple(text(value) for value in row)
