"""`manage.py import_orders FILE`: real orders from the UCI Online Retail layout."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ordersite.importing.reading import UnreadableFile
from ordersite.importing.run import Report, import_file


class Command(BaseCommand):
    help = "Import orders from a file in the UCI Online Retail layout (.csv, .csv.xz, .csv.gz or .xlsx)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--quarantine", type=Path, help="Where to write the lines that cannot be mapped (CSV).")
        parser.add_argument("--encoding", default="utf-8-sig", help="Of a CSV file; utf-8 unless said otherwise.")
        parser.add_argument("--json", action="store_true", help="Print one machine-readable object and nothing else.")

    def handle(self, *, file: Path, quarantine: Path | None, encoding: str, json: bool, **options: Any) -> None:
        report_file = quarantine or Path(f"quarantine-{file.name.split('.')[0]}.csv")
        console = Console(file=sys.stderr, quiet=json)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
        with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as bar:
            task = bar.add_task("importing", total=1.0)

            def show(share: float, so_far: Report) -> None:
                rate = so_far.lines / so_far.seconds if so_far.seconds else 0
                bar.update(task, completed=share, description=f"{so_far.lines:,} lines, {rate:,.0f}/s")

            try:
                with report_file.open("w", encoding="utf-8", newline="") as out:
                    report = import_file(file, out, encoding=encoding, progress=show)
            except UnreadableFile as error:
                if bar.tasks[task].completed == 0:
                    report_file.unlink(missing_ok=True)  # nothing was read, so nothing is in it
                raise CommandError(str(error)) from error
        self.stdout.write(_as_json(report, report_file) if json else _in_words(report, report_file))


def _as_json(report: Report, quarantine: Path) -> str:
    return json.dumps(report.as_json() | {"quarantine_file": str(quarantine)})


def _in_words(report: Report, quarantine: Path) -> str:
    rows = [
        f"{report.lines:,} lines read in {report.seconds:.1f} s ({report.as_json()['lines_per_second']:,} lines/s)",
        f"  {report.imported:,} stand in {report.orders:,} orders worth {report.total:,} GBP",
        f"    {report.orders_added:,} of the orders are new",
        f"  {report.cancelling:,} cancelled {report.cancelled:,} orders worth {report.cancelled_total:,} GBP",
        f"  {report.quarantined:,} are in {quarantine}, by reason:",
        *(f"    {count:>8,}  {reason}" for reason, count in report.reasons.most_common()),
        f"{report.commands:,} commands, {report.commands_repeated:,} of them done before",
        *(f"    {count:>8,}  refused: {what}" for what, count in report.commands_refused.most_common()),
    ]
    return "\n".join(rows)
