"""`manage.py partition_log --partitions 16`: convert the live log to hash partitions, or back to a plain table."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeElapsedColumn, TimeRemainingColumn

from eventstore.errors import ConversionRefused, ConversionTimedOut
from eventstore.management.base import SafeCommand
from eventstore.storage import partitioning
from eventstore.storage.logins import as_owner

MAX_PARTITIONS = 1024


class Command(SafeCommand):
    help = "Convert the live log to hash partitions by aggregate, or back. Readers and writers are not interrupted."

    def add_arguments(self, parser: CommandParser) -> None:
        choice = parser.add_mutually_exclusive_group(required=True)
        choice.add_argument("--partitions", type=int, help="Number of partitions; 0 for one plain table.")
        choice.add_argument("--drop-old", action="store_true", help="Drop the old table of the last conversion.")
        choice.add_argument(
            "--discard", action="store_true", help="Drop the unfinished table of an interrupted conversion."
        )
        parser.add_argument("--batch", type=int, default=20_000, help="Events copied in one transaction.")

    def handle(self, **options: Any) -> None:
        with as_owner():
            self._convert(**options)

    def _convert(self, *, partitions: int | None, drop_old: bool, discard: bool, batch: int, **options: Any) -> None:
        if drop_old or discard:
            try:
                dropped = partitioning.drop_old() if drop_old else partitioning.discard()
            except ConversionRefused as error:
                raise CommandError(str(error)) from error
            self.stdout.write("dropped" if dropped else "there is nothing to drop")
            return
        if partitions is None or not 0 <= partitions <= MAX_PARTITIONS or batch < 1:
            raise CommandError(f"--partitions must be 0 to {MAX_PARTITIONS}, --batch at least 1")
        columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(file=sys.stderr)) as bar:
            task = bar.add_task("copying", total=None)
            try:
                converted = partitioning.convert(
                    partitions,
                    batch=batch,
                    progress=lambda position, latest: bar.update(task, completed=position, total=latest),
                )
            except (ConversionRefused, ConversionTimedOut) as error:
                raise CommandError(str(error)) from error
        shape = f"{partitions} partitions" if partitions else "one plain table"
        self.stdout.write(
            f"{converted.events:,} events are in {shape}; the log was locked for {converted.locked * 1000:.0f} ms"
        )
        self.stdout.write(f"The old table is kept as {partitioning.OLD_TABLE}: partition_log --drop-old")
