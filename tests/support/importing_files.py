"""Write files of rows, as programs of several makers and countries export them."""

import csv
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl

from tests.support.importing import HEAD, UK

COLUMNS = HEAD.split(",")
DAYS = [f"{day:02}" for day in range(1, 32)]


def invoice(
    number: object, date: str, *, sku: str = "AA", units: object = 1, price: object = "2.50", name: str = ""
) -> list[Any]:
    return [str(number), sku, name or f"The {sku}", str(units), date, str(price), "17850", UK]


def write_text(
    path: Path,
    rows: Sequence[Sequence[Any]],
    *,
    head: Sequence[str] = COLUMNS,
    delimiter: str = ",",
    encoding: str = "utf-8",
    end: str = "\r\n",
) -> Path:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([head, *rows])
    path.write_bytes(out.getvalue().encode(encoding))
    return path


def write_book(path: Path, **sheets: Sequence[Sequence[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def change_member(path: Path, member: str, old: str, new: str | None) -> None:
    """Replace a text in a file of a zip archive; None removes the file."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    if new is None:
        del contents[member]
    else:
        text = contents[member].decode()
        assert old in text, text[:500]
        contents[member] = text.replace(old, new).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
