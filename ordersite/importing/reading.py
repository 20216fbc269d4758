"""A file in the Online Retail layout as lines, one at a time, whatever it is packed in."""

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
CREDIT_NOTE, BAD_DEBT = "C", "A"  # how the numbers of what is no order begin
_OPEN: dict[str, Callable[[Any], Any]] = {".csv": lambda packed: packed, ".xz": lzma.open, ".gz": gzip.open}


class UnreadableFile(Exception):
    """The file is not in the layout, or is damaged from some line on. The message says what was expected.

    What stood before was imported. Once the file is mended, a second run adds the rest and repeats nothing.
    """


class RawLine(msgspec.Struct, frozen=True, gc=False):
    """One line as the file has it, every value as text. A struct, as there is one for every line of the file."""

    number: int
    values: Sequence[str]

    @property
    def is_customers_cancellation(self) -> bool:
        invoice, customer = self._column("InvoiceNo"), self._column("CustomerID")
        return invoice.upper().startswith(CREDIT_NOTE) and bool(customer)

    def _column(self, name: str) -> str:
        at = COLUMNS.index(name)
        return self.values[at].strip() if at < len(self.values) else ""


@contextmanager
def lines_of(path: Path, encoding: str) -> Iterator[tuple[Iterator[RawLine], Callable[[], float]]]:
    """The file's lines, and a function that tells which share of it has been read.

    Opening it, and each line, raises UnreadableFile.
    """
    with ExitStack() as open_files:
        with _readable(path, encoding):
            if path.suffix == ".xlsx":
                rows, share = _sheet(path, open_files)
            elif path.suffix in _OPEN:
                rows, share = _text(path, encoding, open_files)
            else:
                raise UnreadableFile(f"{path}: only .csv, .csv.xz, .csv.gz and .xlsx are read")
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
    counted = _Counted(sheet.iter_rows(values_only=True))
    return map(_as_text, counted), lambda: counted.rows / max(sheet.max_row or 1, 1)


def _text(path: Path, encoding: str, open_files: ExitStack) -> tuple[Iterator[Any], Callable[[], float]]:
    size = max(path.stat().st_size, 1)
    packed = open_files.enter_context(path.open("rb"))
    unpack = _OPEN[path.suffix]
    text = open_files.enter_context(io.TextIOWrapper(unpack(packed), encoding=encoding, newline=""))
    return csv.reader(text), lambda: packed.tell() / size


class _Counted:
    """Rows, and how many have passed."""

    def __init__(self, rows: Any) -> None:
        self._rows = iter(rows)
        self.rows = 0

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> Any:
        self.rows += 1
        return next(self._rows)


def _raw_lines(rows: Iterator[Any], path: Path, encoding: str) -> Iterator[RawLine]:
    with _readable(path, encoding):
        heading = tuple(str(name).strip().removeprefix("\ufeff") for name in next(rows, ()))
    if heading != COLUMNS:
        raise UnreadableFile(f"the first line has to be {','.join(COLUMNS)}; it is {','.join(heading)[:200]!r}")
    with _readable(
        path, encoding
    ):  # nothing else happens in here: what is done with a line happens to who asked for it
        for number, values in enumerate(rows, start=2):
            yield RawLine(number, values)


def _as_text(row: tuple[Any, ...]) -> tuple[str, ...]:
    """A spreadsheet's typed cells as the CSV writes them: 17850.0 is customer 17850."""

    def text(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else str(value)

    return tuple(text(value) for value in row)
