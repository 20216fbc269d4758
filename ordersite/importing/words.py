"""Say in words, and in JSON, how files are read and what an import did."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from orders.commands import CancelOrder, ReceiveReturn, SettleRefund
from ordersite.importing.commands import Figure, Outcome
from ordersite.importing.report import Report
from ordersite.importing.sources.assumptions import Assumption
from ordersite.importing.sources.survey import Survey
from ordersite.importing.sources.tables import Table
from ordersite.importing.sources.text import DELIMITERS

_ASSUMED = {
    Assumption.CENTURY: "{count} with a year of two digits, read as 2000 to 2099 (write four digits if that is wrong)",
    Assumption.MIDNIGHT: "{count} without a time, read as 00:00",
    Assumption.FIRST_HOUR: "{count} in an hour that the clocks of {zone} repeat, read as the first of the two (write"
    " the offset after the time, such as +00:00, or name another zone with --time-zone)",
    Assumption.LEFT_OUT: "{count} in an hour that the clocks of {zone} leave out, to be quarantined (name another zone"
    " with --time-zone if the times are not of {zone})",
}


def describe_survey(survey: Survey) -> str:
    """Return how each table is read, and what is not read."""
    lines = [f"{table.name}: {'; '.join(_said(table))}" for table in survey.tables]
    for each in survey.not_read:
        rows = f" ({_rows(each.rows)})" if each.rows else ""
        lines.append(f"{each.name}: not read{rows}: {each.reason}")
    return "\n".join(lines)


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def _said(table: Table) -> Iterator[str]:
    facts = table_as_json(table)
    yield _rows(table.rows)
    yield f"layout {facts['kind']}"
    if table.is_quarantine:
        yield "a quarantine file, each row as its column dialect says"
    if table.sheet:
        yield "a sheet"
    else:
        yield f"{facts['encoding']}, delimiter {facts['delimiter']}"
    if not table.is_quarantine:
        yield f"decimal sign {facts['decimal_sign']}"
        yield f"dates {facts['dates']}"
        yield f"times in {facts['time_zone']}"
        if table.kind.currency:
            yield f"amounts in {table.kind.currency}"
    for assumption, count in table.assumed.items():
        dates = f"{count:,} date{'' if count == 1 else 's'}"
        yield _ASSUMED[assumption].format(count=dates, zone=_zone(table))
    if table.serials:
        yield f"{table.serials:,} dates are plain numbers, read as days of the workbook"
    if named := facts["named"]:
        yield "columns " + ", ".join(f"{name!r} = {column}" for name, column in named.items())
    if rest := facts["columns_not_read"]:
        yield "columns not read: " + ", ".join(map(repr, rest))


def _zone(table: Table) -> str:
    return "its time zone" if table.is_quarantine else table.dialect.zone.key


def survey_as_json(survey: Survey) -> dict[str, Any]:
    """Return the same as an object."""
    return {
        "files": [table_as_json(table) for table in survey.tables],
        "files_not_read": [{"name": each.name, "reason": each.reason, "rows": each.rows} for each in survey.not_read],
    }


def table_as_json(table: Table) -> dict[str, Any]:
    """Return how a table is read. `named` has the columns that the file calls by another name."""
    places = zip(table.heading.places, table.kind.columns, strict=True)
    return {
        "name": table.name,
        "kind": table.kind.name,
        "rows": table.rows,
        "is_quarantine": table.is_quarantine,
        "encoding": table.encoding.removesuffix("-sig"),
        "delimiter": DELIMITERS.get(table.delimiter, ""),
        "decimal_sign": table.written.get("decimal sign", ""),
        "dates": table.written.get("dates", ""),
        "time_zone": table.dialect.zone.key,
        "dates_assumed": {str(assumption): count for assumption, count in table.assumed.items()},
        "named": {
            table.heading.names[place]: column.name
            for place, column in places
            if place is not None and table.heading.names[place] != column.name
        },
        "columns_not_read": [name for _, name in table.heading.rest],
    }


def describe_report(report: Report, quarantine: Path | None) -> str:
    """Return what became of every row and every command."""
    figures, done = report.as_json(), report.done
    cancellations = f"{report.customers_cancellations:,} customers' cancellation lines ({report.share_matched:.1%})"
    taken_back = f"{report.cancelling:,} taking something back"
    others = f"{report.quarantined:,} quarantined + {report.unused.total():,} not read"
    rows = [
        f"{report.rows:,} rows = {report.imported:,} in orders + {taken_back} + {others}",
        f"{report.read:,} rows read in {report.seconds:.1f} s ({figures['lines_per_second']:,} rows/s)",
        f"  {report.imported:,} are in {report.orders:,} orders; {report.orders_added:,} of these are new",
        f"  {report.cancelling:,} took something back:",
        *(_row(count, outcome) for outcome, count in report.outcomes.most_common() if outcome is not Outcome.ORDER),
        f"  {report.quarantined:,} are in {quarantine or 'no quarantine file'}, by reason:",
        *(_row(count, reason) for reason, count in report.reasons.most_common()),
        f"  {report.unused.total():,} are not read, by reason:",
        *(_row(count, reason) for reason, count in report.unused.most_common()),
        f"{report.matched:,} of {cancellations} matched an earlier purchase; the others, by reason:",
        *(_row(count, reason) for reason, count in report.not_matched.most_common()),
        f"{done[CancelOrder]:,} orders cancelled, {done[ReceiveReturn]:,} returns, {done[SettleRefund]:,} refunds",
        *(line for currency, sums in report.sums.items() for line in _sums(currency, sums, report.owed_back[currency])),
        f"{report.commands:,} commands, {report.commands_repeated:,} of them done by an earlier import",
        f"commands with something that the file does not say, by the rule that found it: {report.guesses.total():,}",
        *(_row(count, rule) for rule, count in report.guesses.most_common()),
        *(_row(count, f"refused: {refusal}") for refusal, count in report.commands_refused.most_common()),
    ]
    return "\n".join(rows)


def _sums(currency: str, sums: Mapping[Figure, Decimal], owed_back: Decimal) -> Iterator[str]:
    yield f"{currency}:"
    yield from (f"    {amount:>14,}  {figure.replace('_', ' ')}" for figure, amount in sums.items())
    yield f"    {owed_back:>14,}  owed back, and not refunded yet"


def _row(count: int, name: str) -> str:
    return f"    {count:>8,}  {name}"
