"""`manage.py verify_log`: verify the log against its seals; name what was changed, removed or inserted."""

import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from eventstore.errors import MalformedSealKey
from eventstore.limits.json_text import read_json
from eventstore.management.base import SafeCommand
from eventstore.models import Seal
from eventstore.seals.verification import Report, verify

MAX_PRINTED = 20  # findings printed one by one


class Command(SafeCommand):
    help = "Recompute every seal of the log. If an event differs from what was sealed, name the first one and fail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--workers", type=int, default=os.cpu_count() or 2, help="Number of ranges to recompute in parallel."
        )
        parser.add_argument("--against", type=Path, help="A file of seals that were published earlier.")

    def handle(self, *, workers: int, against: Path | None, **options: Any) -> None:
        if workers < 1:
            raise CommandError(f"--workers must be at least 1, not {workers}")
        published = _seals_in(against) if against else []
        with Progress(console=Console(file=sys.stderr)) as bar:
            task = bar.add_task("verifying", total=Seal.objects.count())
            try:
                report = verify(workers=workers, published=published, progress=lambda seals: bar.advance(task, seals))
            except MalformedSealKey as error:
                raise CommandError(str(error)) from error
        self._print(report)

    def _print(self, report: Report) -> None:
        for finding in report.findings[:MAX_PRINTED]:
            more = f" ({finding.others} more in that range)" if finding.others else ""
            self.stderr.write(finding.message + more)
        if len(report.findings) > MAX_PRINTED:
            self.stderr.write(f"and {len(report.findings) - MAX_PRINTED} more ranges")
        if report.findings:
            raise CommandError(f"the log differs from what was sealed; the first finding: {report.findings[0].message}")
        if report.unsealed and not report.seals:
            raise CommandError(
                f"there are {report.unsealed:,} events and no seal, so nothing is proved. If the log was never sealed,"
                " run `manage.py seal_log`. If the seals were removed, verify --against a seal that was published"
            )
        self.stdout.write(
            f"{report.events:,} events are as {report.seals:,} seals say; {report.unsealed:,} are not sealed yet"
        )


def _seals_in(path: Path) -> list[str]:
    """Return the lines of a file of published seals. Raises CommandError for any other file."""
    try:
        lines = [line for line in path.read_text().split("\n") if line.strip()]
    except (OSError, UnicodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            published = read_json(line)
            stated = read_json(published["statement"])
            bytes.fromhex(published["signature"] + stated["public_key"])
            _ = int(stated["seal"]), int(stated["after"]), int(stated["through"])
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError(f"line {number} of {path} is not a seal that `seal_log --to-file` wrote") from error
    if not lines:
        raise CommandError(f"{path} is empty: it holds no seal that `seal_log --to-file` wrote")
    return lines
