"""Files for the importer: invoices and credit notes of a made-up shop, or a real file under other invoice numbers."""

import csv
import lzma
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from ordersite.importing.reading import COLUMNS, CREDIT_NOTE

REAL = os.environ.get("ORDERSITE_RETAIL_FILE", "")
"""A file of the Online Retail layout to measure with, packed as .csv.xz."""

ARTICLES = [
    (f"{20_000 + number}{'ABCDEF'[number % 6]}", f"WHITE HANGING HEART T-LIGHT HOLDER No {number}", price)
    for number, price in enumerate(f"{(1 + step * 7 % 1500) / 100:.2f}" for step in range(3000))
]
CUSTOMERS = 4000
REMEMBERED = 500  # orders that a credit note may be written for


def written(path: Path, *, invoices: int, lines: int, mark: str = "") -> None:
    """A packed file of so many invoices of about so many lines. The same for the same `mark`, which is in each number.

    Three of four are a customer's; of seven, one is a credit note that takes back something of an earlier order.
    """
    with lzma.open(path, "wt", encoding="utf-8", newline="", preset=0) as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        writer.writerows(_rows(invoices, lines, mark))


def renumbered(source: Path, target: Path, *, mark: str) -> None:
    """The same file with `mark` in each invoice's number: its orders are others."""
    with (
        lzma.open(source, "rt", encoding="utf-8-sig", newline="") as read,
        lzma.open(target, "wt", encoding="utf-8", newline="", preset=0) as out,
    ):
        rows, writer = csv.reader(read), csv.writer(out)
        writer.writerow(next(rows))
        writer.writerows((f"{number}-{mark}", *values) for number, *values in rows)


def _rows(invoices: int, lines: int, mark: str) -> Iterator[list[str]]:
    random, at = Random(7), datetime(2010, 12, 1, 8)  # noqa: DTZ001, S311 - as a file has it; the same every time
    earlier: list[tuple[str, list[list[str]]]] = []
    for number in range(invoices):
        at += timedelta(minutes=random.randint(1, 14))
        if earlier and random.random() < 1 / 7:
            customer, bought = earlier.pop(random.randrange(len(earlier)))
            taken = random.sample(bought, min(len(bought), random.randint(1, 3)))
            head = f"{CREDIT_NOTE}{500_000 + number}{mark}"
            yield from (
                [head, sku, name, f"-{units}", f"{at}", price, customer, _UK] for sku, name, units, price in taken
            )
            continue
        customer = str(12_000 + random.randrange(CUSTOMERS)) if random.random() < 3 / 4 else ""
        wanted = random.sample(ARTICLES, random.randint(1, 2 * lines - 1))
        bought = [[sku, name, str(random.choice(_UNITS)), price] for sku, name, price in wanted]
        yield from (
            [f"{500_000 + number}{mark}", sku, name, units, f"{at}", price, customer, _UK]
            for sku, name, units, price in bought
        )
        if customer:
            earlier.append((customer, bought))
            del earlier[:-REMEMBERED]


_UNITS = (1, 1, 2, 3, 4, 6, 6, 12, 12, 24, 48)
_UK = "United Kingdom"
