"""A file in the Online Retail layout as lines, one at a time, whatever it is packed in."""

import csv
import gzip
import lzma
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import openpyxl

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
_OPEN: dict[str, Callable[..., IO[str]]] = {".csv": open, ".xz": lzma.open, ".gz": gzip.open}


class UnreadableFile(Exception):
    """The file is not in the layout. The message says what was expected; nothing was imported."""


@dataclass(frozen=True, slots=True)
class RawLine:
    """One line as the file has it, every value as text."""

    number: int
    values: tuple[str, ...]
    of: dict[str, str] = field(hash=False)

    def __getitem__(self, column: str) -> str:
        return self.of[column]


@contextmanager
def lines_of(path: Path, encoding: str) -> Iterator[tuple[Iterator[RawLine], Callable[[], float]]]:
    """The file's lines, and a function that tells which share of it has been read. Raises UnreadableFile."""
    try:
        if path.suffix == ".xlsx":
            book = openpyxl.load_workbook(path, read_only=True)
            sheet = book.worksheets[0]
            counted = _Counted(sheet.iter_rows(values_only=True))
            yield _raw_lines(map(_as_text, counted)), lambda: counted.rows / max(sheet.max_row or 1, 1)
            book.close()
        elif opener := _OPEN.get(path.suffix):
            size = max(path.stat().st_size, 1)
            with path.open("rb") as packed:
                source = packed if opener is not open else None
                text = (
                    opener(source, "rt", encoding=encoding, newline="")
                    if source
                    else path.open(encoding=encoding, newline="")
                )
                with text:
                    yield _raw_lines(csv.reader(text)), lambda: (packed if source else text.buffer).tell() / size  # type: ignore[attr-defined]
        else:
            raise UnreadableFile(f"{path}: only .csv, .csv.xz, .csv.gz and .xlsx are read")
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{path} is not {encoding}: {error}. Try --encoding latin-1.") from error
    except (OSError, EOFError, csv.Error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise UnreadableFile(f"{path} cannot be read: {error}") from error


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


def _raw_lines(rows: Iterator[Any]) -> Iterator[RawLine]:
    heading = tuple(str(name).strip().removeprefix("\ufeff") for name in next(rows, ()))
    if heading != COLUMNS:
        raise UnreadableFile(f"the first line has to be {','.join(COLUMNS)}; it is {','.join(heading)[:200]!r}")
    for number, row in enumerate(rows, start=2):
        values = tuple(row)
        padded = (*values, *("",) * len(COLUMNS))[: len(COLUMNS)]
        yield RawLine(number, values, dict(zip(COLUMNS, padded, strict=True)))


def _as_text(row: tuple[Any, ...]) -> tuple[str, ...]:
    """A spreadsheet's typed cells as the CSV writes them: 17850.0 is customer 17850."""

    def text(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else str(value)

    return tuple(text(value) for value in row)
