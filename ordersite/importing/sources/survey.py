"""Look at every row of every file before anything is imported: find the tables, and how each is written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ordersite.importing.sources.assumptions import Assumptions
from ordersite.importing.sources.columns import Content, Heading, TableKind, describe_mismatch
from ordersite.importing.sources.errors import UnreadableFile
from ordersite.importing.sources.files import NotRead, SourceFile, find_files
from ordersite.importing.sources.options import Options, zone_named
from ordersite.importing.sources.tables import MARKS, MORE, Dialect, Table, unescape
from ordersite.importing.sources.text import DELIMITERS, Record, find_encoding, open_lines, records_of
from ordersite.importing.sources.values import DATE_ORDERS, DECIMALS, date_readings, number_readings
from ordersite.importing.sources.votes import Vote
from ordersite.importing.sources.workbook import Sheet, open_workbook

_HEAD = 20  # lines, among which the heading has to be


@dataclass
class Survey:
    """The tables of an import, and what is not read. `rows` counts the rows of both."""

    tables: list[Table] = field(default_factory=list)
    not_read: list[NotRead] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Return the number of all rows, headings left out."""
        return sum(table.rows for table in self.tables) + sum(each.rows for each in self.not_read)


def survey_files(paths: Sequence[Path], options: Options, kinds: Sequence[TableKind], zone: str) -> Survey:
    """Return the tables of these files and folders, with the dialect of each; `zone` is the time zone if none is named.

    Raises UnreadableFile if a file cannot be read, or in more than one way.
    """
    files, others = find_files(paths)
    survey = Survey(not_read=others)
    given = {str(path) for path in paths}
    for file in files:
        _Surveyor(file, options, kinds, zone, survey, must_read=file.name in given).look()
    for choices in (options.encoding, options.delimiter, options.decimal, options.date_order, options.zone):
        choices.require_used()
    for name in options.sheets:
        if name not in {table.sheet for table in survey.tables}:
            raise UnreadableFile(f"--sheet {name}: no workbook has a sheet of this name with rows")
    if not survey.tables:
        reasons = "; ".join(f"{each.name}: {each.reason}" for each in survey.not_read)
        raise UnreadableFile(f"there is nothing to import. {reasons}"[:2000])
    return survey


@dataclass
class _Surveyor:
    """Looks at one file."""

    file: SourceFile
    options: Options
    kinds: Sequence[TableKind]
    zone: str
    survey: Survey
    must_read: bool

    def look(self) -> None:
        """Add the file's tables to the survey."""
        zone = zone_named(self.options.zone.of(self.file) or self.zone)
        self.unsettled = Dialect(".", "", zone)
        if self.file.is_workbook:
            self._look_at_sheets()
        else:
            self._look_at_text()

    def _look_at_text(self) -> None:
        file = self.file
        encoding = find_encoding(file, self.options.encoding.of(file))
        with open_lines(file, encoding) as lines:
            head = list(islice(lines, _HEAD))
        found = self._find_heading(head, encoding)
        if found is None:
            return
        delimiter, kind, heading = found
        table = Table(
            file, kind, heading, len(self.survey.tables), self.unsettled, encoding=encoding, delimiter=delimiter
        )
        if _is_quarantine(heading.names):
            self._add_mended(table)
        else:
            self._add(table)

    def _find_heading(self, head: list[str], encoding: str) -> tuple[str, TableKind, Heading] | None:
        chosen = self.options.delimiter.of(self.file)
        nearest: tuple[str, Sequence[str]] | None = None
        for delimiter in [chosen] if chosen else DELIMITERS:
            first = next((each for each in records_of(iter(head), delimiter) if _is_heading(each)), None)
            if first is None:
                continue
            names = [name.strip().removeprefix("\ufeff") for name in first.values]
            if _is_quarantine(names):
                names = [unescape(name) for name in names]
            match = self._recognise(Record(first.line, names))
            if match:
                return delimiter, *match
            if nearest is None or len(names) > len(nearest[1]):
                nearest = delimiter, names
        if nearest is None:
            words, is_near = "it is empty, without a heading", False
        else:
            words, is_near = describe_mismatch(self.kinds, nearest[1])
        self._cannot_read(self.file.name, words, is_near, lambda: self._count_text(nearest, encoding))
        return None

    def _count_text(self, nearest: tuple[str, Sequence[str]] | None, encoding: str) -> int:
        with open_lines(self.file, encoding) as lines:
            return sum(1 for each in records_of(lines, nearest[0] if nearest else ",") if any(each.values))

    def _recognise(self, first: Record) -> tuple[TableKind, Heading] | None:
        try:
            if _is_quarantine(first.values):
                return next(iter(_mended_kinds(self.kinds, first)), None)
            found = [(kind, kind.recognise(first.line, first.values)) for kind in self.kinds]
        except UnreadableFile as error:
            raise UnreadableFile(f"{self.file.name}: {error}") from error
        matches = [(kind, heading) for kind, heading in found if heading is not None]
        if len(matches) > 1:
            names = " or ".join(kind.name for kind, _ in matches)
            raise UnreadableFile(f"{self.file.name} could be {names}: name the layout with --layout")
        return matches[0] if matches else None

    def _look_at_sheets(self) -> None:
        found = len(self.survey.tables)
        with open_workbook(self.file) as sheets:
            problems = [self._look_at_sheet(sheet) for sheet in sheets]
        if len(self.survey.tables) == found:
            words = "; ".join(f"sheet {name}: {reason}" for name, reason in problems)
            if self.must_read:
                raise UnreadableFile(f"{self.file.name} has no sheet to import. {words}")

    def _look_at_sheet(self, sheet: Sheet) -> tuple[str, str]:
        """Add the sheet to the survey. Return its name, and why it is not read."""
        name, wanted = f"{self.file.name} [{sheet.name}]", self.options.sheets
        first = next((each for each in sheet.records() if any(each.values)), None)
        reason = sheet.reason if sheet.name not in wanted else ""
        if wanted and sheet.name not in wanted:
            reason = "not named by --sheet"
        if first is None:
            reason = reason or "an empty sheet"
        match = None
        if first is not None and not reason:
            names = [value.strip() for value in first.values]
            match = self._recognise(Record(first.line, names))
            if match is None:
                reason, is_near = describe_mismatch(self.kinds, names)
                if is_near or sheet.name in wanted:
                    raise UnreadableFile(f"{name}: {reason}")
        if match is None:
            rows = sum(1 for each in sheet.records() if any(each.values))
            self.survey.not_read.append(NotRead(name, reason, rows))
            return sheet.name, reason
        kind, heading = match
        self._add(Table(self.file, kind, heading, len(self.survey.tables), self.unsettled, sheet=sheet.name))
        return sheet.name, ""

    def _cannot_read(self, name: str, reason: str, is_near: bool, count: Callable[[], int]) -> None:
        """Raise UnreadableFile if the file was named or nearly has the layout; else say that it is not read."""
        if self.must_read or is_near:
            raise UnreadableFile(f"{name}: {reason}")
        self.survey.not_read.append(NotRead(name, reason, count()))

    def _add_mended(self, table: Table) -> None:
        """Add a table for each kind of rows in a quarantine file."""
        named, names = table.kinds_named(), table.heading.names
        found = len(self.survey.tables)
        for kind, heading in _mended_kinds(self.kinds, Record(table.heading.line, list(names))):
            if kind.name in named or not named:
                number = len(self.survey.tables)
                part = replace(
                    table, kind=kind, heading=heading, number=number, is_quarantine=True, is_first=number == found
                )
                assumed = Assumptions()
                part.rows = sum(_count_lines(part, assumed))
                part.assumed = assumed.of(["", *DATE_ORDERS])
                part.written = {"rows": "each as its column dialect says"}
                self.survey.tables.append(part)
                if not named:
                    return
                named.discard(kind.name)
        if named:
            raise UnreadableFile(
                f"{table.name} has rows of the kind {', '.join(sorted(named))}: name their layout with --layout"
            )

    def _add(self, table: Table) -> None:
        """Count the rows, and find the date order and the decimal sign from all of them."""
        dates = Vote("dates", "--date-order", DATE_ORDERS, self.options.date_order.of(self.file))
        chosen = self.options.decimal.of(self.file)
        numbers = Vote("decimal signs", "--decimal", DECIMALS, "." if table.file.is_json else chosen)
        assumed = Assumptions()
        table.rows = sum(_count_lines(table, assumed, dates, numbers))
        order, decimal = dates.settle(table.name), numbers.settle(table.name)
        table.assumed = assumed.of([order or "ymd"])
        table.earliest = dates.lowest.get(order or "ymd")
        table.written = {
            "dates": dates.in_words(order) or "year first",
            "decimal sign": ("point" if table.file.is_json else numbers.in_words(decimal)) or "point",
        }
        table.settle(Dialect(decimal or ".", order, table.dialect.zone))
        self.survey.tables.append(table)


def _count_lines(
    table: Table, assumed: Assumptions, dates: Vote | None = None, numbers: Vote | None = None
) -> Iterator[int]:
    """Yield 1 for each row, whether it has something to import or not, and let its values vote."""
    skipped: list[str] = []
    currency = table.kind.currency
    readings: dict[Content, tuple[Vote | None, Callable[[str], Mapping[str, Any]]]] = {
        Content.DATE: (dates, date_readings),
        Content.NUMBER: (numbers, number_readings),
        Content.MONEY: (numbers, lambda text: number_readings(text, currency)),
    }
    voting = [(place, *readings[content]) for content in readings for place in table.places_of(content)]
    dated = table.places_of(Content.DATE)
    for line in table.lines(skipped.append):
        dialect = line.origin.dialect
        for place in dated:
            assumed.count(line.values[place], DATE_ORDERS if dates else (dialect.date_order,), dialect.zone)
        for place, vote, readings_of in voting:
            if vote is not None:
                vote.count(line.number, line.values[place], readings_of)
        yield 1
    yield len(skipped)


def _is_heading(record: Record) -> bool:
    """Whether a record may be the heading: not a blank line, nor Excel's line that names the delimiter."""
    return any(map(str.strip, record.values)) and not record.values[0].lower().startswith("sep=")


def _is_quarantine(names: Sequence[str]) -> bool:
    return tuple(names[: len(MARKS)]) == MARKS and names[-1] == MORE


def _mended_kinds(kinds: Sequence[TableKind], first: Record) -> Iterator[tuple[TableKind, Heading]]:
    """Yield the kinds whose columns are all in the heading of a quarantine file, with their places in it."""
    names = first.values
    inside = {name: place for place, name in enumerate(names) if len(MARKS) <= place < len(names) - 1}
    for kind in kinds:
        own = {column.name for column in kind.columns}
        if own <= inside.keys():
            places = tuple(inside[column.name] for column in kind.columns)
            rest = tuple((place, name) for name, place in inside.items() if name not in own)
            yield kind, Heading(first.line, tuple(names), places, rest)
