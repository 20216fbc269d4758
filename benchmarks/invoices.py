"""Files for the importer: generated invoices and credit notes, or a real file with other invoice numbers."""

import csv
import lzma
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from ordersite.importing.invoices import CREDIT_NOTE
from ordersite.importing.layouts.online_retail import COLUMNS

REAL = os.environ.get("ORDERSITE_RETAIL_FILE", "")
"""A real file in the Online Retail layout, packed as .csv.xz; "" to generate files."""

ARTICLES = [
    (f"{20_000 + number}{'ABCDEF'[number % 6]}", f"WHITE HANGING HEART T-LIGHT HOLDER No {number}", price)
    for number, price in enumerate(f"{(1 + step * 7 % 1500) / 100:.2f}" for step in range(3000))
]
CUSTOMERS = 4000
CREDITABLE = 500  # latest orders that a credit note may take back


def generate(path: Path, *, invoices: int, lines: int, mark: str = "") -> None:
    """Write a packed file of `invoices` invoices with about `lines` lines each. `mark` is part of each number.

    Three of four invoices have a customer. One of seven is a credit note for an earlier order. The same arguments
    always give the same file.
    """
    with lzma.open(path, "wt", encoding="utf-8", newline="", preset=0) as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        writer.writerows(_rows(invoices, lines, mark))


def renumber(source: Path, target: Path, *, mark: str) -> None:
    """Copy the file, with `mark` in each invoice number, so that its orders are new."""
    with (
        lzma.open(source, "rt", encoding="utf-8-sig", newline="") as read,
        lzma.open(target, "wt", encoding="utf-8", newline="", preset=0) as out,
    ):
        rows, writer = csv.reader(read), csv.writer(out)
        writer.writerow(next(rows))
        writer.writerows((f"{number}-{mark}", *values) for number, *values in rows)


def _rows(invoices: int, lines: int, mark: str) -> Iterator[list[str]]:
    random, at = Random(7), datetime(2010, 12, 1, 8)  # noqa: DTZ001, S311 - files have naive times; a fixed seed
    earlier: list[tuple[str, list[list[str]]]] = []
    for number in range(invoices):
        at += timedelta(minutes=random.randint(1, 14))
        if earlier and random.random() < 1 / 7:
            customer, bought = earlier.pop(random.randrange(len(earlier)))
            credited = random.sample(bought, min(len(bought), random.randint(1, 3)))
            head = f"{CREDIT_NOTE}{500_000 + number}{mark}"
            yield from (
                [head, sku, name, f"-{units}", f"{at}", price, customer, _UK] for sku, name, units, price in credited
            )
            continue
        customer = str(12_000 + random.randrange(CUSTOMERS)) if random.random() < 3 / 4 else ""
        chosen = random.sample(ARTICLES, random.randint(1, 2 * lines - 1))
        bought = [[sku, name, str(random.choice(_UNITS)), price] for sku, name, price in chosen]
        yield from (
            [f"{500_000 + number}{mark}", sku, name, units, f"{at}", price, customer, _UK]
            for sku, name, units, price in bought
        )
        if customer:
            earlier.append((customer, bought))
            del earlier[:-CREDITABLE]


_UNITS = (1, 1, 2, 3, 4, 6, 6, 12, 12, 24, 48)
_UK = "United Kingdom"
