"""`manage.py partition_log --partitions 16`: convert the live log into hash partitions, or back into a plain table."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeElapsedColumn, TimeRemainingColumn

from eventstore.errors import ConversionRefused, ConversionTimedOut
from eventstore.storage import partitioning

MOST = 1024


class Command(BaseCommand):
    help = "Convert the live log into hash partitions by aggregate, or back. Readers and writers go on."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--partitions", type=int, help="How many; 0 for one plain table.")
        what.add_argument("--drop-old", action="store_true", help="Drop the table from before the last conversion.")
        what.add_argument("--discard", action="store_true", help="Drop what a conversion that was broken off has left.")
        parser.add_argument("--batch", type=int, default=20_000, help="Events copied in one transaction.")

    def handle(self, *, partitions: int | None, drop_old: bool, discard: bool, batch: int, **options: Any) -> None:
        if drop_old or discard:
            dropped = partitioning.drop_old() if drop_old else partitioning.discard()
            self.stdout.write("dropped" if dropped else "there is nothing to drop")
            return
        if partitions is None or not 0 <= partitions <= MOST or batch < 1:
            raise CommandError(f"--partitions is 0 to {MOST}, --batch at least 1")
        columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(file=sys.stderr)) as bar:
            task = bar.add_task("copying", total=None)
            try:
                done = partitioning.convert(
                    partitions,
                    batch=batch,
                    progress=lambda position, of: bar.update(task, completed=position, total=of),
                )
            except (ConversionRefused, ConversionTimedOut) as error:
                raise CommandError(str(error)) from error
        shape = f"{partitions} partitions" if partitions else "one plain table"
        self.stdout.write(f"{done.events:,} events are in {shape}; the log was locked for {done.locked * 1000:.0f} ms")
        self.stdout.write(f"The old table is kept as {partitioning.BEFORE}: partition_log --drop-old")
