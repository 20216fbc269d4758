"""The importer, compared with single dispatches of its commands, and with a plain COPY of its events."""

import csv
import io
import lzma
import tempfile
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from django.db import connection

from benchmarks import invoices, scratch
from benchmarks.harness import Options, Report, Timing, at_least, cost, interleave, speed, timed
from eventstore.dispatch import dispatch
from ordersite.importing.batches import batches_of
from ordersite.importing.commands import Figure, ImportCommand
from ordersite.importing.invoices import CREDIT_NOTE
from ordersite.importing.report import Report as Imported
from ordersite.importing.run import choose_layout, import_file
from ordersite.importing.sales import CURRENCY
from ordersite.importing.sources.options import read_options

ROUNDS, SINGLES = 4, 1200
INVOICES = 1800  # in a generated file
_COLUMNS = (
    "event_id, aggregate_id, aggregate_type, event_type, schema_version, event_data, metadata, version, subject_id"
)


def run(options: Options) -> Report:
    """Run the benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        files = [_file(Path(folder), f"r{number}") for number in range(ROUNDS + 1)]
        ours, singles = _Import(files), _Singles(_file(Path(folder), "s"))
        ours.next()  # the first file is a warm-up, and its events are used for COPY
        copying = _Copy()
        timings = interleave(
            {"ours": ours.next, "single_dispatches": singles.next, "copy": copying.again}, rounds=ROUNDS
        )
        return Report(
            bench="import",
            what=f"Import of {ours.reports[0].lines:,} lines, as {ours.reports[0].commands:,} commands.",
            unit="commands/s",
            sides=timings,
            ratios={
                "single_dispatches": speed(timings["ours"], timings["single_dispatches"], at_least(20)),
                "copy": cost(timings["ours"], timings["copy"]),
            },
            checks=ours.checks | singles.checks | copying.checks,
            figures={"lines_per_second": round(ours.reports[0].lines * timings["ours"][0].rate / copying.events)},
            notes=[
                f"Invoices {'of a real file' if invoices.REAL else 'generated'}, with different numbers each time.",
                f"Single dispatches: {SINGLES} commands in a round, all those of some orders from the whole file.",
                "Copy: one COPY of the same rows, encoded beforehand, into a table like the log with the same indexes.",
            ],
        )


def _file(folder: Path, mark: str) -> Path:
    path = folder / f"{mark}.csv.xz"
    invoices.write(path, invoices=INVOICES, mark=mark)
    return path


class _Import:
    """Imports one file in each round."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = list(files)
        self.reports: list[Imported] = []
        self.checks: dict[str, bool] = {}

    def next(self) -> Timing:
        """Import the next file."""
        file, quarantine, before = self.files.pop(0), io.StringIO(), _events()
        report = import_file(file, quarantine, progress=lambda share, report: None)
        self.reports.append(report)
        quarantined = {int(row["line"]) for row in csv.DictReader(quarantine.getvalue().splitlines())}
        sold, credited = _sums(file, quarantined)
        self._check(
            "every line was imported, took something back, or is quarantined with a reason",
            (
                report.imported + report.cancelling + report.quarantined == report.lines
                and len(quarantined) == report.quarantined == report.reasons.total()
            ),
        )
        self._check(
            "every command was done, and made one event",
            (not report.commands_refused and _events() - before == report.commands),
        )
        sums = report.sums[CURRENCY]
        reported = tuple(sums[figure] for figure in (Figure.SOLD, Figure.PAID, Figure.REFUNDED))
        self._check("sold, paid and refunded are the file's sums to the penny", reported == (sold, sold, credited))
        return Timing(report.commands, report.seconds)

    def _check(self, name: str, holds: bool) -> None:
        self.checks[name] = self.checks.get(name, True) and holds


class _Singles:
    """Dispatches the same commands one by one, for another part of the file's orders in each round."""

    def __init__(self, file: Path) -> None:
        survey, layout = choose_layout([file], read_options())
        self.commands = [command for batch in batches_of(survey, layout, size=1000) for command in batch.commands]
        self.parts = max(len(self.commands) // SINGLES, ROUNDS)
        self.round = 0
        self.checks: dict[str, bool] = {}

    def next(self) -> Timing:
        """Dispatch the next part."""
        part = [command for command in self.commands if self._part_of(command) == self.round]
        self.round += 1
        before = _events()
        timing = timed(lambda: [dispatch(each.command, each.context) for each in part], count=len(part))
        self.checks["single commands make the same number of events"] = _events() - before == len(part)
        return timing

    def _part_of(self, sent: ImportCommand) -> int:
        command: Any = sent.command
        return int(command.order_id.int % self.parts)


class _Copy:
    """Copies all events of the log in each round."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE plain_events (LIKE events INCLUDING ALL)")
            with cursor.copy(f"COPY (SELECT {_COLUMNS} FROM events ORDER BY position) TO STDOUT") as copy:
                self.rows = b"".join(map(bytes, copy))
        self.events = _events()
        self.checks = {"the copy has every event": True}

    def again(self) -> Timing:
        """Copy all events into an empty table."""
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE plain_events")

            def load() -> None:
                with cursor.copy(f"COPY plain_events ({_COLUMNS}) FROM STDIN") as copy:
                    copy.write(self.rows)

            timing = timed(load, count=self.events)
        self.checks["the copy has every event"] &= scratch.scalar("SELECT count(*) FROM plain_events") == self.events
        return timing


def _events() -> int:
    return int(scratch.scalar("SELECT count(*) FROM events"))


def _sums(file: Path, quarantined: set[int]) -> tuple[Decimal, Decimal]:
    """Return the sums of the lines that are not quarantined: of orders, and of credit notes."""
    sold, credited = Decimal(0), Decimal(0)
    with lzma.open(file, "rt", encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            if number not in quarantined:
                amount = (int(row["Quantity"]) * Decimal(row["UnitPrice"])).quantize(Decimal("0.01"), ROUND_HALF_UP)
                if row["InvoiceNo"].startswith(CREDIT_NOTE):
                    credited -= amount
                else:
                    sold += amount
    return sold, credited
