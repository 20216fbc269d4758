"""`manage.py verify_log`: is the log what was sealed? Names what was changed, removed or inserted."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from eventstore.errors import MalformedSealKey
from eventstore.models import Seal
from eventstore.seals.verification import Report, verify

SHOWN = 20  # findings printed one by one


class Command(BaseCommand):
    help = "Recompute every seal of the log; fail, and name the first event that is not as it was, if one is not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workers", type=int, default=os.cpu_count() or 2, help="Ranges recomputed at once.")
        parser.add_argument("--against", type=Path, help="A file of seals given away earlier.")

    def handle(self, *, workers: int, against: Path | None, **options: Any) -> None:
        if workers < 1:
            raise CommandError(f"--workers is at least 1, not {workers}")
        published = _seals_in(against) if against else []
        with Progress(console=Console(file=sys.stderr)) as bar:
            task = bar.add_task("verifying", total=Seal.objects.count())
            try:
                report = verify(workers=workers, published=published, progress=lambda seals: bar.advance(task, seals))
            except MalformedSealKey as error:
                raise CommandError(str(error)) from error
        self._tell(report)

    def _tell(self, report: Report) -> None:
        for finding in report.findings[:SHOWN]:
            more = f" ({finding.others} more in that range)" if finding.others else ""
            self.stderr.write(finding.words + more)
        if len(report.findings) > SHOWN:
            self.stderr.write(f"and {len(report.findings) - SHOWN} more ranges")
        if report.findings:
            raise CommandError(f"the log is not what was sealed; the first: {report.findings[0].words}")
        if report.unsealed and not report.seals:
            raise CommandError(
                f"there is no seal, and {report.unsealed:,} events: nothing is proved. Were the seals removed? If the"
                " log was never sealed, run `manage.py seal_log`; else verify it --against a seal that was given away"
            )
        self.stdout.write(
            f"{report.events:,} events are as {report.seals:,} seals say; {report.unsealed:,} are not sealed yet"
        )


def _seals_in(path: Path) -> list[str]:
    """Raises CommandError for what is no file of seals."""
    try:
        lines = [line for line in path.read_text().split("\n") if line.strip()]
    except (OSError, UnicodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            found = json.loads(line)
            stated = json.loads(found["statement"])
            bytes.fromhex(found["signature"] + stated["public_key"])
            _ = int(stated["seal"]), int(stated["after"]), int(stated["through"])
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError(f"line {number} of {path} is no seal as `seal_log --to-file` writes it") from error
    if not lines:
        raise CommandError(f"{path} is empty: it is no seal as `seal_log --to-file` writes it")
    return lines
