"""`manage.py rebuild_projections [NAME …]`: read models from the log, beside the live ones."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from projections.projection import PROJECTIONS, Projection, UnknownProjection, projection_named
from projections.rebuild import RebuildRunning, Rebuilt, SwapTimedOut, rebuild


class Command(BaseCommand):
    help = "Rebuild read models from the event log beside the live ones, compare, and swap in one short transaction."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PROJECTIONS)}; all by default")
        parser.add_argument("--dry-run", action="store_true", help="Build and compare only; leave the live tables.")

    def handle(self, *, names: list[str], dry_run: bool, **options: Any) -> None:
        try:
            projections = [projection_named(name) for name in names] or list(PROJECTIONS.values())
        except UnknownProjection as error:
            raise CommandError(str(error)) from error
        columns = (TextColumn("{task.description:<12}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
        more = (TextColumn("{task.fields[rate]}"), TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(*columns, *more, console=Console(file=sys.stderr)) as bar:
            for projection in projections:
                self._report(projection, self._rebuild(projection, bar, dry_run=dry_run))

    def _rebuild(self, projection: Projection, bar: Progress, *, dry_run: bool) -> Rebuilt:
        task = bar.add_task(projection.name, total=None, rate="")

        def show(position: int, latest: int) -> None:
            speed = bar.tasks[task].speed
            bar.update(task, completed=position, total=latest, rate=f"{speed:,.0f} events/s" if speed else "")

        try:
            return rebuild(projection, dry_run=dry_run, progress=show)
        except (RebuildRunning, SwapTimedOut) as error:
            raise CommandError(str(error)) from error

    def _report(self, projection: Projection, rebuilt: Rebuilt) -> None:
        done = "swapped in" if rebuilt.swapped else "dry run: the live tables were left as they are"
        self.stdout.write(f"{projection.name}: {rebuilt.events:,} events, {rebuilt.parked:,} parked; {done}")
        for table in rebuilt.differences:
            found = (
                "identical"
                if table.identical
                else f"{table.added:,} added, {table.removed:,} removed, {table.changed:,} changed"
            )
            self.stdout.write(f"  {table.table}: {table.rows:,} rows, {found}")
