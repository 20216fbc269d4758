"""`manage.py import_orders FILE...`: import orders from files and folders. Says how it reads each file.

Exit codes: 0, everything is in; 1, something was quarantined; 2, refused, nothing was imported; 3, stopped in the
middle: run it again.
"""

import json
import signal
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from eventstore.management.base import SafeCommand
from ordersite.importing.layouts import LAYOUTS
from ordersite.importing.layouts.layout import Layout
from ordersite.importing.quarantine import QuarantineWriter, open_quarantine
from ordersite.importing.report import Report
from ordersite.importing.run import choose_layout, import_tables
from ordersite.importing.sources.errors import StoppedImport, UnreadableFile
from ordersite.importing.sources.options import read_options
from ordersite.importing.sources.survey import Survey
from ordersite.importing.sources.text import DELIMITERS
from ordersite.importing.sources.values import DATE_ORDERS, DECIMALS
from ordersite.importing.words import describe_report, describe_survey, survey_as_json

QUARANTINED, REFUSED, STOPPED = 1, 2, 3
_PER_FILE = "For one file: NAME=%(metavar)s. May be given several times."


class Command(SafeCommand):
    help = (
        "Import orders from text files and .xlsx workbooks, plain, packed (.xz, .gz, .zip) or in folders. Quantities"
        " are whole units. Exit codes: 0 all is in, 1 lines were quarantined, 2 refused, 3 stopped: run it again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="Files and folders; one history.")
        parser.add_argument(
            "--layout", choices=LAYOUTS, default="", help="What the columns mean (default: found by them)."
        )
        several: list[tuple[str, str, str]] = [
            ("--encoding", "ENCODING", "The encoding of text (default: by its mark, else utf-8)."),
            ("--delimiter", "NAME", f"What separates values: {', '.join(DELIMITERS.values())} (default: found)."),
            ("--decimal", "SIGN", f"The decimal sign: {' or '.join(DECIMALS)} (default: found)."),
            ("--date-order", "ORDER", f"The order of dates: {', '.join(DATE_ORDERS)} (default: found)."),
            ("--time-zone", "ZONE", f"The time zone of times without an offset (default: {settings.TIME_ZONE})."),
        ]
        for option, metavar, words in several:
            help_text = f"{words} {_PER_FILE % {'metavar': metavar}}"
            parser.add_argument(option, action="append", default=[], metavar=metavar, help=help_text)
        parser.add_argument(
            "--sheet", action="append", default=[], help="Read only this sheet; may be given several times."
        )
        parser.add_argument("--quarantine", type=Path, help="Where to write the lines that cannot be imported (CSV).")
        parser.add_argument("--overwrite-quarantine", action="store_true", help="Replace that file if there is one.")
        parser.add_argument(
            "--allow-quarantined",
            type=int,
            default=0,
            metavar="N",
            help="End with 0 if at most N lines are quarantined.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Say how the files are read, and import nothing.")
        parser.add_argument("--json", action="store_true", help="Print one machine-readable object and nothing else.")

    def handle(self, *, files: list[Path], json: bool, allow_quarantined: int, **options: Any) -> None:
        try:
            survey, layout = _survey(files, options)
            if not json or options["dry_run"]:
                self.stdout.write(_as_json(survey) if json else describe_survey(survey))
            if options["dry_run"]:
                return
            inputs = [table.file.path for table in survey.tables]
            target, overwrite = options["quarantine"], options["overwrite_quarantine"]
            with (
                _interrupted_by_a_supervisor(),
                open_quarantine(target, survey.tables, inputs=[*files, *inputs], overwrite=overwrite) as (
                    writer,
                    finish,
                ),
            ):
                report = _import(survey, layout, writer, quiet=json)
                written = finish()
        except UnreadableFile as error:
            raise CommandError(f"nothing was imported. {error}", returncode=REFUSED) from error
        except (StoppedImport, KeyboardInterrupt) as error:
            reason = str(error) or "interrupted"
            words = f"stopped: {reason}. What was imported stays; run the same command again to import the rest."
            raise CommandError(words, returncode=STOPPED) from error
        self.stdout.write(_as_json(survey, report, written) if json else describe_report(report, written))
        if report.quarantined > allow_quarantined:
            raise CommandError(
                f"lines that are not imported: {report.quarantined:,}. Mend them in {written}, and import that file.",
                returncode=QUARANTINED,
            )


@contextmanager
def _interrupted_by_a_supervisor() -> Iterator[None]:
    """Interrupt the import on signals that stop a service or close a terminal, like Ctrl-C, so that it tidies up."""

    def interrupt(*received: Any) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only the main thread may set signal handlers
        yield
        return
    before = {each: signal.signal(each, interrupt) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _survey(files: list[Path], options: dict[str, Any]) -> tuple[Survey, Layout]:
    """Return what the files hold, and the layout of all of them. Raises UnreadableFile."""
    names = ("encoding", "delimiter", "decimal", "date_order", "time_zone", "layout")
    chosen = read_options(sheets=options["sheet"], **{name: options[name] for name in names})
    return choose_layout(files, chosen)


def _import(survey: Survey, layout: Layout, writer: QuarantineWriter, *, quiet: bool) -> Report:
    console = Console(file=sys.stderr, quiet=quiet)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("importing", total=1.0)

        def show(share: float, report: Report) -> None:
            rate = report.read / report.seconds if report.seconds else 0
            bar.update(task, completed=share, description=f"{report.read:,} rows, {rate:,.0f}/s")

        return import_tables(survey, layout, writer, progress=show)


def _as_json(survey: Survey, report: Report | None = None, quarantine: Path | None = None) -> str:
    figures = report.as_json() if report else {}
    return json.dumps(figures | survey_as_json(survey) | {"quarantine_file": str(quarantine) if quarantine else None})
