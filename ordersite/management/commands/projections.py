"""`manage.py projections`: how the read models are doing, and what to do about what they could not take."""

import getpass
from argparse import ArgumentParser
from io import StringIO
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from projections.engine.catch_up import OutdatedCode, catch_up
from projections.engine.checkpoints import LIVE, ParkedEvent
from projections.engine.folding import HandlerFailed
from projections.engine.parking import NotParked, ReasonMissing, redrive, skip
from projections.engine.projection import PROJECTIONS, UnknownProjection, projection_named
from projections.engine.sharding import NotDivisible, divide
from projections.monitoring.status import Status, statuses

FORESEEN = (UnknownProjection, NotParked, ReasonMissing, NotDivisible, HandlerFailed, OutdatedCode)


class Command(BaseCommand):
    help = "How the read models are doing. Without a word: a table of positions, lag, rate, errors and parked events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        words = parser.add_subparsers(dest="word", metavar="WORD")
        parked = words.add_parser("parked", help="the events that could not be taken, and why")
        parked.add_argument("name", nargs="?", metavar="NAME")
        retry = words.add_parser("retry", help="try parked events again, after a fix")
        retry.add_argument("name", metavar="NAME", help=f"of {', '.join(PROJECTIONS)}")
        retry.add_argument("--aggregate", type=UUID, metavar="ID", help="this one's only")
        leave = words.add_parser("skip", help="leave out a parked event, here and in every rebuild")
        leave.add_argument("name", metavar="NAME")
        leave.add_argument("position", type=int, metavar="POSITION")
        leave.add_argument("--reason", required=True, help="kept with who decided it")
        shards = words.add_parser("shards", help="divide a projection into so many parts, while it is live")
        shards.add_argument("name", metavar="NAME")
        shards.add_argument("count", type=int, metavar="N")
        level = words.add_parser("catch_up", help="bring it level now, in this process")
        level.add_argument("name", metavar="NAME")
        level.add_argument(
            "--strict", action="store_true", help="stop at an event that cannot be taken; do not park it"
        )

    def handle(self, *, word: str | None, **options: Any) -> None:
        try:
            match word:
                case None:
                    self._print(_table(statuses()))
                case "parked":
                    self._print(_parked(options["name"]))
                case _:
                    self.stdout.write(_done(word, **options))
        except FORESEEN as error:
            raise CommandError(str(error)) from error

    def _print(self, table: Table) -> None:
        text = StringIO()
        # A pipe has no width: there, a column is as wide as it has to be.
        Console(file=text, width=None if self.stdout.isatty() else 200).print(table)
        self.stdout.write(text.getvalue())


def _done(word: str, *, name: str, **options: Any) -> str:
    projection = projection_named(name)
    match word:
        case "retry":
            taken = redrive(projection, aggregate_id=options["aggregate"])
        case "skip":
            by = f"operator:{getpass.getuser()}"
            taken = skip(projection, options["position"], reason=options["reason"], by=by)
        case "shards":
            divide(projection, options["count"])
            return f"{name} has {options['count']} shards now"
        case _:
            return f"{name}: {catch_up(projection, strict=options['strict']).events:,} events taken"
    left = ParkedEvent.objects.filter(projection=name, space=LIVE).count()
    return f"{name}: {taken:,} parked no more, {left:,} still parked"


def _table(found: list[Status]) -> Table:
    table = Table("Projection", "Shard", "State", "Position", "Behind", "Late", "Rate", "Failures", "Parked", "Problem")
    for status in found:
        table.add_row(
            status.projection,
            f"{status.shard + 1}/{status.of}",
            status.state,
            f"{status.position:,}",
            status.behind_in_words,
            f"{status.late:,.1f} s",
            f"{status.rate:,.0f}/s",
            f"{status.failures:,}",
            f"{status.parked:,}",
            status.problem,
        )
    return table


def _parked(name: str | None) -> Table:
    found = ParkedEvent.objects.filter(space=LIVE)
    if name is not None:
        found = found.filter(projection=projection_named(name).name)
    table = Table("Projection", "Position", "Event", "Aggregate", "Why")
    for event in found:
        table.add_row(event.projection, str(event.position), event.event_type, str(event.aggregate_id), event.summary)
    return table
