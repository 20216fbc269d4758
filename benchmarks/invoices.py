"""Files for the importer: generated invoices and credit notes, or a real file with other invoice numbers.

The generated ones have the shape of a real shop's: how many lines, units and credited lines an invoice has, and what
the articles cost, follows the quantiles of four months of the UCI Online Retail data set (CC0).
"""

import csv
import lzma
import os
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from ordersite.importing.invoices import CREDIT_NOTE
from ordersite.importing.layouts.online_retail import COLUMNS

REAL = os.environ.get("ORDERSITE_RETAIL_FILE", "")
"""A real file in the Online Retail layout, packed as .csv.xz; "" to generate files."""

CUSTOMERS = 4000
CREDITABLE = 500  # latest orders that a credit note may take back
CREDIT_NOTES = 0.16  # the share of credit notes among all invoices
GUESTS = 0.18  # the share of invoices without a customer

Quantiles = tuple[tuple[float, float], ...]
"""Shares of the smallest values, and the value that each share reaches. Between two of them, values are even."""

LINES: Quantiles = (
    (0, 1), (0.15, 1), (0.2, 2), (0.25, 4), (0.3, 5), (0.4, 9), (0.5, 13), (0.6, 17), (0.7, 22), (0.8, 32), (0.9, 50),
    (0.95, 72), (0.97, 105), (0.98, 145), (0.99, 222), (0.995, 403), (0.999, 593), (1, 1114),
)  # fmt: skip
CREDITED_LINES: Quantiles = (
    (0, 1), (0.6, 1), (0.7, 2), (0.8, 3), (0.9, 4), (0.95, 6), (0.97, 9), (0.98, 14), (0.99, 17), (1, 45),
)  # fmt: skip
UNITS: Quantiles = (
    (0, 1), (0.3, 1), (0.4, 2), (0.5, 3), (0.6, 4), (0.7, 6), (0.75, 10), (0.8, 12), (0.9, 20), (0.95, 25), (0.97, 48),
    (0.98, 64), (0.99, 100), (0.995, 144), (0.999, 460), (1, 3000),
)  # fmt: skip
PENCE: Quantiles = (
    (0, 4), (0.01, 21), (0.05, 42), (0.1, 83), (0.2, 125), (0.3, 145), (0.4, 166), (0.5, 246), (0.6, 295), (0.7, 375),
    (0.8, 495), (0.9, 795), (0.95, 1062), (0.98, 1579), (0.99, 1996), (0.999, 19221), (1, 40000),
)  # fmt: skip
NAME_LETTERS: Quantiles = ((0, 8), (0.05, 17), (0.2, 22), (0.4, 25), (0.6, 28), (0.8, 32), (1, 35))


def at_share(quantiles: Quantiles, share: float) -> int:
    """Return the value that this share of all values does not exceed."""
    place = bisect_right(quantiles, share, key=lambda each: each[0])
    if place == len(quantiles):
        return round(quantiles[-1][1])
    (low, least), (high, most) = quantiles[place - 1], quantiles[place]
    return round(least + (most - least) * (share - low) / (high - low))


_WORDS = "WHITE HANGING HEART T-LIGHT HOLDER SET OF SIX PAPER LANTERNS "
ARTICLES = [
    (
        f"{20_000 + number}{'ABCDEF'[number % 6]}",
        (_WORDS[6 * (number % 9) :] + _WORDS)[: at_share(NAME_LETTERS, number * 7 % 3000 / 3000)].strip(),
        f"{at_share(PENCE, number * 11 % 3000 / 3000) / 100:.2f}",
    )
    for number in range(3000)
]
"""SKU, name and price."""


def generate(path: Path, *, invoices: int, mark: str = "", lines: Quantiles = LINES) -> None:
    """Write a packed file of `invoices` invoices with so many lines. `mark` is part of each number.

    The same arguments always give the same file.
    """
    with lzma.open(path, "wt", encoding="utf-8", newline="", preset=0) as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        writer.writerows(_rows(invoices, mark, lines))


def renumber(source: Path, target: Path, *, mark: str) -> None:
    """Copy the file, with `mark` in each invoice number, so that its orders are new."""
    with (
        lzma.open(source, "rt", encoding="utf-8-sig", newline="") as read,
        lzma.open(target, "wt", encoding="utf-8", newline="", preset=0) as out,
    ):
        rows, writer = csv.reader(read), csv.writer(out)
        writer.writerow(next(rows))
        writer.writerows((f"{number}-{mark}", *values) for number, *values in rows)


def write(path: Path, *, invoices: int, mark: str) -> None:
    """Write the real file if there is one, and otherwise a generated one, with `mark` in each invoice number."""
    if REAL:
        renumber(Path(REAL), path, mark=mark)
    else:
        generate(path, invoices=invoices, mark=f"-{mark}")


def _rows(invoices: int, mark: str, lines: Quantiles) -> Iterator[list[str]]:
    random, at = Random(7), datetime(2010, 12, 1, 8)  # noqa: DTZ001, S311 - files have naive times; a fixed seed
    earlier: list[tuple[str, list[list[str]]]] = []
    for number in range(invoices):
        at += timedelta(minutes=random.randint(1, 14))
        if earlier and random.random() < CREDIT_NOTES:
            customer, bought = earlier.pop(random.randrange(len(earlier)))
            credited = random.sample(bought, min(len(bought), at_share(CREDITED_LINES, random.random())))
            head = f"{CREDIT_NOTE}{500_000 + number}{mark}"
            yield from (
                [head, sku, name, f"-{units}", f"{at}", price, customer, _UK] for sku, name, units, price in credited
            )
            continue
        customer = "" if random.random() < GUESTS else str(12_000 + int(CUSTOMERS * random.random() ** 2))
        chosen = random.choices(ARTICLES, k=at_share(lines, random.random()))
        bought = [[sku, name, str(at_share(UNITS, random.random())), price] for sku, name, price in chosen]
        yield from (
            [f"{500_000 + number}{mark}", sku, name, units, f"{at}", price, customer, _UK]
            for sku, name, units, price in bought
        )
        if customer:
            earlier.append((customer, bought))
            del earlier[:-CREDITABLE]


_UK = "United Kingdom"
