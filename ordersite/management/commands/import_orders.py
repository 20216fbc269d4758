"""`manage.py import_orders FILE`: import orders from a file in the UCI Online Retail layout."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from orders.commands import CancelOrder, ReceiveReturn, SettleRefund
from ordersite.importing.commands import Outcome
from ordersite.importing.reading import UnreadableFile
from ordersite.importing.report import Report
from ordersite.importing.run import import_file
from ordersite.importing.sales import CURRENCY


class Command(BaseCommand):
    help = "Import orders from a file in the UCI Online Retail layout (.csv, .csv.xz, .csv.gz or .xlsx)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--quarantine", type=Path, help="Where to write the lines that cannot be imported (CSV).")
        parser.add_argument("--encoding", default="utf-8-sig", help="The encoding of a CSV file (default: utf-8).")
        parser.add_argument("--json", action="store_true", help="Print one machine-readable object and nothing else.")

    def handle(self, *, file: Path, quarantine: Path | None, encoding: str, json: bool, **options: Any) -> None:
        report_file = quarantine or Path(f"quarantine-{file.name.split('.')[0]}.csv")
        console = Console(file=sys.stderr, quiet=json)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
        with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as bar:
            task = bar.add_task("importing", total=1.0)

            def show(share: float, report: Report) -> None:
                rate = report.lines / report.seconds if report.seconds else 0
                bar.update(task, completed=share, description=f"{report.lines:,} lines, {rate:,.0f}/s")

            try:
                with report_file.open("w", encoding="utf-8", newline="") as out:
                    report = import_file(file, out, encoding=encoding, progress=show)
            except UnreadableFile as error:
                if bar.tasks[task].completed == 0:
                    report_file.unlink(missing_ok=True)  # nothing was read, so it is empty
                raise CommandError(str(error)) from error
        self.stdout.write(_as_json(report, report_file) if json else _in_words(report, report_file))


def _as_json(report: Report, quarantine: Path) -> str:
    return json.dumps(report.as_json() | {"quarantine_file": str(quarantine)})


def _in_words(report: Report, quarantine: Path) -> str:
    figures, sums, done = report.as_json(), report.sums, report.done
    cancellations = f"{report.customers_cancellations:,} customers' cancellation lines ({report.share_matched:.1%})"
    rows = [
        f"{report.lines:,} lines read in {report.seconds:.1f} s ({figures['lines_per_second']:,} lines/s)",
        f"  {report.imported:,} are in {report.orders:,} orders; {report.orders_added:,} of these are new",
        f"  {report.cancelling:,} took something back:",
        *(_row(count, outcome) for outcome, count in report.outcomes.most_common() if outcome is not Outcome.ORDER),
        f"  {report.quarantined:,} are in {quarantine}, by reason:",
        *(_row(count, reason) for reason, count in report.reasons.most_common()),
        f"{report.matched:,} of {cancellations} matched an earlier purchase; the others, by reason:",
        *(_row(count, reason) for reason, count in report.not_matched.most_common()),
        f"{done[CancelOrder]:,} orders cancelled, {done[ReceiveReturn]:,} returns, {done[SettleRefund]:,} refunds",
        f"{CURRENCY}:",
        *(f"    {amount:>14,}  {figure.replace('_', ' ')}" for figure, amount in sums.items()),
        f"    {report.owed_back:>14,}  owed back, and not refunded yet",
        f"{report.commands:,} commands, {report.commands_repeated:,} of them done by an earlier import",
        *(_row(count, f"refused: {refusal}") for refusal, count in report.commands_refused.most_common()),
    ]
    return "\n".join(rows)


def _row(count: int, name: str) -> str:
    return f"    {count:>8,}  {name}"
