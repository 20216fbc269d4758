"""A table of a file, the rows in it, and how they are written."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

import msgspec

from ordersite.importing.sources.assumptions import Assumption
from ordersite.importing.sources.columns import Content, Heading, TableKind
from ordersite.importing.sources.errors import UnreadableFile
from ordersite.importing.sources.files import SourceFile
from ordersite.importing.sources.options import zone_named
from ordersite.importing.sources.text import MISSING, QUOTES, Record, open_lines, records_of
from ordersite.importing.sources.values import DATE_ORDERS, DECIMALS
from ordersite.importing.sources.workbook import ERRORS, FORMULA, MERGED, Merged, open_workbook

MARKS = ("line", "reason", "file", "sheet", "dialect")
"""The first columns of a quarantine file. The last is MORE, with values for which a row had no column."""
MORE = "more"
BLANK, REPEATED_HEADING = "blank line", "heading, repeated"
PROBLEMS = {
    MISSING: "wrong number of columns",
    QUOTES: "a quotation mark that is not closed, or stands inside a value",
    FORMULA: "a formula whose value is not stored in the file",
    MERGED: "merged cells",
} | dict.fromkeys(ERRORS, "a spreadsheet's error value")
"""What is wrong with a row that has one of these values. A person who mends the row replaces it."""
_SIGNS_OF_PROBLEMS = frozenset(PROBLEMS)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the values of a row are written. `date_order` is "" if all dates begin with a year of four digits."""

    decimal: str
    date_order: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a row stood at first, and how it is written.

    `table` is its place among the tables of the import. `is_mended` says that it comes from a quarantine file.
    """

    file: str
    sheet: str
    kind: TableKind
    dialect: Dialect
    table: int
    is_mended: bool = False
    rest: tuple[str, ...] = ()

    def dialect_in_words(self) -> str:
        """Return what a quarantine file says about the way in which a row is written."""
        dialect = self.dialect
        order = dialect.date_order or "none"
        return f"kind={self.kind.name} dates={order} decimal={DECIMALS[dialect.decimal]} zone={dialect.zone.key}"


class RawLine(msgspec.Struct, frozen=True, gc=False):
    """One row: the number of its first line in the file, and the texts of the columns of its kind.

    `rest` has the texts of the columns that are not read, and `more` those without a column. Fast path: a msgspec
    struct, because every line makes one.
    """

    number: int
    values: Sequence[str]
    origin: Origin
    rest: Sequence[str] = ()
    more: Sequence[str] = ()

    @property
    def problem(self) -> str:
        """Return why the values cannot be trusted: some are missing, or have no column; "" if they can."""
        if self.more:
            return PROBLEMS[MISSING]
        if _SIGNS_OF_PROBLEMS.isdisjoint(self.values):
            return ""
        return next(PROBLEMS[value] for value in self.values if value in PROBLEMS)


Reader = Callable[["Table"], Iterator[RawLine]]
"""Gives the rows of a table, and counts them."""


@dataclass(eq=False)
class Table:
    """A sheet or a text file, as it was found. `rows` counts everything below the heading.

    `written` says in words how its values are written, and `assumed` what its dates do not say. `serials` counts dates
    that are plain numbers. A quarantine file has a table for each kind of its rows; only the first counts its blank
    lines.
    """

    file: SourceFile
    kind: TableKind
    heading: Heading
    number: int
    dialect: Dialect
    sheet: str = ""
    encoding: str = ""
    delimiter: str = ""
    is_quarantine: bool = False
    is_first: bool = True
    rows: int = 0
    earliest: date | None = None
    serials: int = 0
    written: dict[str, str] = field(default_factory=dict)
    assumed: dict[Assumption, int] = field(default_factory=dict)
    _merged: Merged = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the name of the file, with that of the sheet."""
        return f"{self.file.name} [{self.sheet}]" if self.sheet else self.file.name

    def lines(self, skip: Callable[[str], None]) -> Iterator[RawLine]:
        """Yield the rows; call `skip` with the reason for each row that has nothing to import.

        Raises UnreadableFile at a damaged place.
        """
        with self._records() as records:
            for record in records:
                if record.line <= self.heading.line:
                    continue
                reason = self._reason_to_skip(record.values)
                if reason:
                    if self.is_first:
                        skip(reason)
                elif self.is_quarantine:
                    if (line := self._mended(record)) is not None:
                        yield line
                else:
                    yield self._line(record)

    @contextmanager
    def _records(self) -> Iterator[Iterator[Record]]:
        if not self.sheet:
            with open_lines(self.file, self.encoding) as lines:
                yield records_of(lines, self.delimiter, width=len(self.heading.names))
            return
        with open_workbook(self.file) as sheets:
            sheet = next(sheet for sheet in sheets if sheet.name == self.sheet)
            sheet.merged = self._merged
            dates = {self.heading.places[at] for at in self.places_of(Content.DATE)}
            yield sheet.records(self.dialect.decimal, {place for place in dates if place is not None})
            self._merged, self.serials = sheet.merged, sheet.serials

    def places_of(self, *contents: Content) -> list[int]:
        """Return the places in a row's values of the columns with this content."""
        return [place for place, column in enumerate(self.kind.columns) if column.content in contents]

    def _reason_to_skip(self, values: Sequence[str]) -> str:
        if not values or (not values[0] and not any(value and not value.isspace() for value in values)):
            return BLANK
        return REPEATED_HEADING if tuple(values) == self.heading.names else ""

    def __post_init__(self) -> None:
        width = len(self.kind.columns)
        self._is_plain = self.heading.places == tuple(range(width)) == tuple(range(len(self.heading.names)))
        self._origin = Origin(
            self.file.name,
            self.sheet,
            self.kind,
            self.dialect,
            self.number,
            rest=tuple(name for _, name in self.heading.rest),
        )
        self._origins: dict[tuple[str, str, str], Origin] = {}

    def settle(self, dialect: Dialect) -> None:
        """Take the dialect that was found for the whole table."""
        self.dialect = dialect
        self.__post_init__()

    def _line(self, record: Record) -> RawLine:
        values, width = record.values, len(self.heading.names)
        if self._is_plain and len(values) == width:
            return RawLine(record.line, values, self._origin)
        if len(values) < width:
            values = [*values, *["" if self.sheet else MISSING] * (width - len(values))]
        return self._placed(record.line, values, self._origin, values[width:])

    def _placed(self, number: int, values: Sequence[str], origin: Origin, more: Sequence[str]) -> RawLine:
        """Return a row with its values in the order of its kind. A column that the table does not have is empty."""
        ordered = ["" if place is None else values[place] for place in self.heading.places]
        return RawLine(number, ordered, origin, [values[place] for place, _ in self.heading.rest], more)

    def _mended(self, record: Record) -> RawLine | None:
        """Return a row of a quarantine file as it stood in its own file; None if it is of another kind of table."""
        values = [unescape(value) for value in record.values]
        width = len(self.heading.names)
        if len(values) < width:
            values += [*[MISSING] * (width - 1 - len(values)), ""]
        line, _, file, sheet, dialect = values[: len(MARKS)]
        origin = self._origins.get((file, sheet, dialect))
        if origin is None:
            kind, read = _read_dialect(dialect, f"{self.name}, line {record.line}")
            rest = tuple(name for _, name in self.heading.rest)
            origin = Origin(file, sheet, self.kind, read, self.number, is_mended=kind == self.kind.name, rest=rest)
            self._origins[file, sheet, dialect] = origin
        if not origin.is_mended:
            return None
        more = [value for value in (values[width - 1], *values[width:]) if value]
        return self._placed(int(line) if line.isdecimal() else record.line, values, origin, more)

    def kinds_named(self) -> set[str]:
        """Return the kinds of tables that the rows of a quarantine file come from. Raises UnreadableFile."""
        with self._records() as records:
            return {
                _read_dialect((record.values + [""] * 5)[4], f"{self.name}, line {record.line}")[0]
                for record in records
                if record.line > self.heading.line and not self._reason_to_skip(record.values)
            }


def _read_dialect(text: str, place: str) -> tuple[str, Dialect]:
    parts = dict(part.split("=", 1) for part in text.split() if "=" in part)
    signs = {name: sign for sign, name in DECIMALS.items()}
    order = parts.get("dates", "")
    if parts.keys() != {"kind", "dates", "decimal", "zone"} or parts["decimal"] not in signs:
        raise UnreadableFile(
            f"{place}: the column dialect is {text!r}. Copy it from another row of the quarantine file."
        )
    if order not in {"none", *DATE_ORDERS}:
        raise UnreadableFile(f"{place}: the column dialect names the date order {order!r}, which there is not")
    dialect = Dialect(signs[parts["decimal"]], "" if order == "none" else order, zone_named(parts["zone"]))
    return parts["kind"], dialect


_FORMULA_STARTS = tuple("=+-@＝＋－＠")  # noqa: RUF001 - some spreadsheets take the wide signs, too
_OTHER_STARTS = tuple("\t\r\n'")
_SIGNED_NUMBER = re.compile(r"[-+][\d.,]+", re.ASCII)


def escape(text: str) -> str:
    """Return a text that a spreadsheet shows and never calculates: one that begins like a formula gets an apostrophe.

    Numbers with a sign stay as they are.
    """
    if not text.lstrip().startswith(_FORMULA_STARTS) and not text.startswith(_OTHER_STARTS):
        return text
    return text if _SIGNED_NUMBER.fullmatch(text) else f"'{text}"


def unescape(text: str) -> str:
    """Return the text that `escape` was given."""
    return text.removeprefix("'")
