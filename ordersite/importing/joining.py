"""Make one history of several files: rows in the order of time, and each invoice once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from heapq import heappop, heappush
from itertools import combinations
from operator import itemgetter

from ordersite.importing.commands import Quarantined, Unused
from ordersite.importing.invoices import Invoice, Line
from ordersite.importing.sources.tables import RawLine, Reader, Table
from ordersite.importing.sources.values import BadValue, read_moment

REPEATED = "the same invoice as in another file"
MENDED = "mended in a quarantine file"
CONTRADICTION = "files contradict each other about this invoice"
_START = datetime.min.replace(tzinfo=UTC)


def in_time_order(tables: Sequence[Table], read: Reader, at: int) -> Iterator[RawLine]:
    """Yield the rows of all tables in the order of time; `at` is the place of their date column.

    The rows of a table stay in their order: a row counts as not earlier than those above it. Only those of a quarantine
    file are sorted, because refused lines are written late. A table is opened when the first of its rows is due, and
    closed after the last, so that a folder of many files needs few at once.
    """
    if len(tables) == 1 and not tables[0].is_quarantine:
        yield from read(tables[0])
        return
    waiting = sorted(tables, key=lambda table: (table.earliest or date.min, table.number), reverse=True)
    due: list[tuple[datetime, int, RawLine, Iterator[tuple[datetime, RawLine]]]] = []
    while waiting or due:
        while waiting and (not due or (waiting[-1].earliest or date.min) <= due[0][0].date()):
            table = waiting.pop()
            rows = _timed(read(table), at, keep_order=not table.is_quarantine)
            _push(due, table.number, iter(sorted(rows, key=itemgetter(0))) if table.is_quarantine else rows)
        if due:
            _, number, line, rows = heappop(due)
            yield line
            _push(due, number, rows)


def _push(
    due: list[tuple[datetime, int, RawLine, Iterator[tuple[datetime, RawLine]]]],
    number: int,
    rows: Iterator[tuple[datetime, RawLine]],
) -> None:
    first = next(rows, None)
    if first is not None:
        heappush(due, (first[0], number, first[1], rows))


def _timed(lines: Iterator[RawLine], at: int, *, keep_order: bool) -> Iterator[tuple[datetime, RawLine]]:
    """Yield each row with its time; to keep the order, with the latest time so far."""
    latest = _START
    for line in lines:
        dialect = line.origin.dialect
        with suppress(BadValue):  # the row keeps its place, and is quarantined there
            moment = read_moment(line.values[at], dialect.date_order, dialect.zone)
            latest = max(latest, moment) if keep_order else moment
        yield latest, line


def join_files(invoice: Invoice) -> Iterator[Quarantined | Unused]:
    """Leave an invoice that came from several files with its own lines; yield the others.

    A row of a quarantine file replaces the row that it was. If two files have the same lines, the second is left out.
    If they have different lines, the invoice is split over both. If they have some in common, none of it is used.
    """
    if len({line.raw.origin.table for line in invoice.lines}) == 1:
        return
    yield from _replace_mended(invoice)
    by_table: dict[int, list[Line]] = {}
    for line in invoice.lines:
        by_table.setdefault(line.raw.origin.table, []).append(line)
    different: list[tuple[Counter[object], list[Line]]] = []
    repeated: list[Line] = []
    for lines in by_table.values():
        content = Counter(map(_content, lines))
        if any(content == earlier for earlier, _ in different):
            repeated += lines
        else:
            different.append((content, lines))
    if any(one & other for (one, _), (other, _) in combinations(different, 2)):
        yield from (Quarantined(line.raw, CONTRADICTION) for line in invoice.lines)
        invoice.lines.clear()
        return
    yield from (Unused(line.raw, REPEATED) for line in repeated)
    invoice.lines[:] = [line for _, lines in different for line in lines]


def _replace_mended(invoice: Invoice) -> Iterator[Unused]:
    mended = {place_of(line.raw): line for line in invoice.lines if line.raw.origin.is_mended}
    if not mended:
        return
    lines: list[Line] = []
    for line in invoice.lines:
        if line.raw.origin.is_mended:
            continue
        replacement = mended.pop(place_of(line.raw), None)
        if replacement is None:
            lines.append(line)
        else:
            yield Unused(line.raw, MENDED)
            lines.append(replacement)
    invoice.lines[:] = [*lines, *mended.values()]


def place_of(raw: RawLine) -> tuple[str, str, int]:
    """Return the file, sheet and line where a row stood at first."""
    return raw.origin.file.rpartition("/")[2], raw.origin.sheet, raw.number


def _content(line: Line) -> object:
    if line.problem:
        return tuple(line.raw.values)
    return line.sku, line.name, line.quantity, line.price, line.at, line.customer, line.country
