"""`manage.py rebuild_projections [NAME …]`: rebuild read models from the log beside the live ones, and swap."""

import getpass
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from eventstore.management.base import SafeCommand
from eventstore.timetravel.as_of import AsOf, parse_moment
from projections.engine.folding import HandlerFailed
from projections.engine.projection import PROJECTIONS, Projection, UnknownProjection, projection_named
from projections.engine.sharding import NotDivisible
from projections.rebuild import schemas
from projections.rebuild.compare import NotAligned
from projections.rebuild.fill import RebuildCancelled, RebuildFailed, RebuildOptions
from projections.rebuild.models import Build
from projections.rebuild.run import (
    CannotRollBack,
    RebuildRunning,
    Rebuilt,
    SpaceTaken,
    build_as_of,
    rebuild,
    rebuild_together,
    roll_back,
)
from projections.rebuild.schemas import BadSpaceName
from projections.rebuild.swap import SwapTimedOut, drop_replaced, replaced_space
from projections.rebuild.worker_pool import optional_pool, run_concurrently

EXPECTED_ERRORS = (
    *(CannotRollBack, RebuildCancelled, RebuildFailed, RebuildRunning, SpaceTaken, SwapTimedOut),
    *(NotAligned, HandlerFailed, NotDivisible, BadSpaceName, schemas.SpaceGone),
)


class Command(SafeCommand):
    """The command `rebuild_projections`."""

    help = "Rebuild read models from the event log beside the live ones, compare, and swap in one short transaction."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PROJECTIONS)}; all by default")
        parser.add_argument("--workers", type=int, default=1, metavar="N", help="fill the tables by N processes")
        parser.add_argument("--shards", type=int, metavar="N", help="divide the projection into N shards from then on")
        parser.add_argument(
            "--strict", action="store_true", help="stop at an event that cannot be taken, instead of parking it"
        )
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument(
            "--dry-run", action="store_true", help="build and compare only; leave the live tables as they are"
        )
        mode.add_argument("--rollback", action="store_true", help="bring back the tables that the last swap replaced")
        mode.add_argument("--drop-replaced", action="store_true", help="drop the tables that the last swap replaced")
        mode.add_argument(
            "--into", metavar="SCHEMA", help="with --as-of: build the read model as it stood in this schema"
        )
        mode.add_argument("--drop", metavar="SCHEMA", help="drop a read model that was built with --into")
        parser.add_argument("--as-of", metavar="WHEN", help="only what had happened by then, for example 2011-03-31")
        parser.add_argument("--recorded-by", metavar="WHEN", help="only what was recorded by then")

    def handle(self, *, names: list[str], **options: Any) -> None:
        try:
            projections = [projection_named(name) for name in names] or list(PROJECTIONS.values())
        except UnknownProjection as error:
            raise CommandError(str(error)) from error
        limits = self._limits(options)
        if (limits is None) != (options["into"] is None):
            raise CommandError("a read model as of a moment needs both --into SCHEMA and --as-of or --recorded-by")
        columns = (TextColumn("{task.description:<12}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
        more = (TextColumn("{task.fields[progress]}"), TimeElapsedColumn())
        with (
            Progress(*columns, *more, console=Console(file=sys.stderr)) as bar,
            optional_pool(options["workers"]) as pool,
        ):
            rebuild_options = RebuildOptions(
                pool=pool,
                shards=options["shards"],
                strict=options["strict"],
                dry_run=options["dry_run"],
                started_by=f"operator:{getpass.getuser()}",
            )
            try:
                for projection, summary in self._summaries(projections, options, limits, bar, rebuild_options):
                    self.stdout.write(f"{projection.name}: {summary}")
            except EXPECTED_ERRORS as error:
                raise CommandError(str(error)) from error

    def _summaries(
        self,
        projections: list[Projection],
        options: dict[str, Any],
        limits: AsOf | None,
        bar: Progress,
        rebuild_options: RebuildOptions,
    ) -> Iterator[tuple[Projection, str]]:
        """Do what the options say, and yield what was done for each projection."""
        is_rebuild = not (limits or any(options[name] for name in ("rollback", "drop_replaced", "drop")))
        if is_rebuild and rebuild_options.pool is None:
            together = rebuild_together(projections, lambda each: _with_progress_bar(bar, each, rebuild_options))
            yield from ((projection, "\n".join(_report(projection, rebuilt))) for projection, rebuilt in together)
        else:
            yield from run_concurrently(
                projections,
                lambda each: self._run(each, options, limits, _with_progress_bar(bar, each, rebuild_options)),
                pool=rebuild_options.pool,
            )

    def _limits(self, options: dict[str, Any]) -> AsOf | None:
        """Return the moment as of which to build, or None."""
        if not (options["as_of"] or options["recorded_by"]):
            return None
        return AsOf(occurred=_moment(options["as_of"]), recorded=_moment(options["recorded_by"]))

    def _run(
        self, projection: Projection, options: dict[str, Any], limits: AsOf | None, rebuild_options: RebuildOptions
    ) -> str:
        """Do what the options say for one projection, and return what was done."""
        if options["drop_replaced"]:
            drop_replaced(projection)
            return f"{schemas.schema_of(replaced_space(projection))} is dropped"
        if options["drop"]:
            schemas.drop(projection, schemas.require_usable(options["drop"]))
            return f"dropped from {options['drop']}"
        if limits:
            build = build_as_of(projection, limits, options["into"], rebuild_options)
            return f"{build.events:,} events; as it stood, in {schemas.schema_of(build.space)}"
        return "\n".join(
            _report(projection, (roll_back if options["rollback"] else rebuild)(projection, rebuild_options))
        )


def _report(projection: Projection, rebuilt: Rebuilt) -> Iterator[str]:
    """Yield the lines of the report on one rebuild."""
    done = "swapped in" if rebuilt.swapped else "dry run: the live tables were left as they are"
    yield f"{rebuilt.events:,} events, {rebuilt.parked:,} parked; {done}"
    for table in rebuilt.differences:
        result = (
            "identical"
            if table.identical
            else f"{table.added:,} added, {table.removed:,} removed, {table.changed:,} changed"
        )
        yield f"  {table.table}: {table.rows:,} rows, {result}"
        yield from (f"    {sample}" for sample in table.samples)
    if rebuilt.swapped:
        schema = schemas.schema_of(replaced_space(projection))
        yield f"  the replaced tables are kept in {schema}; use --rollback or --drop-replaced"


def _with_progress_bar(bar: Progress, projection: Projection, rebuild_options: RebuildOptions) -> RebuildOptions:
    """Return the options with a callback that shows the progress on the bar."""
    task = bar.add_task(projection.name, total=None, progress="")

    def show(build: Build) -> None:
        eta = f", {build.eta.total_seconds():,.0f} s left" if build.eta else ""
        progress = "paused" if build.state == Build.State.PAUSED else f"{build.rate:,.0f} events/s{eta}"
        bar.update(task, completed=build.position, total=build.latest, progress=progress)

    return replace(rebuild_options, progress=show)


def _moment(text: str | None) -> datetime | None:
    try:
        return parse_moment(text) if text else None
    except ValueError as error:
        raise CommandError(str(error)) from error
