"""`manage.py projections`: show the state of the read models, and retry or leave out parked events."""

import getpass
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from rich.table import Table

from eventstore.errors import NotParked, ReasonMissing
from eventstore.management.base import SafeCommand
from eventstore.models import LogFinding
from projections.engine.catch_up import OutdatedCode, catch_up
from projections.engine.checkpoints import LIVE, ParkedEvent
from projections.engine.folding import HandlerFailed
from projections.engine.parking import redrive, skip
from projections.engine.projection import PROJECTIONS, UnknownProjection, projection_named
from projections.engine.sharding import NotDivisible, divide
from projections.monitoring.status import Status, statuses

EXPECTED_ERRORS = (UnknownProjection, NotParked, ReasonMissing, NotDivisible, HandlerFailed, OutdatedCode)


class Command(SafeCommand):
    """The command `projections` with its subcommands."""

    help = "Operate the read models. Without a subcommand: a table of positions, lag, rates, errors and parked events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND")
        parked = commands.add_parser("parked", help="list the parked events, and why they were parked")
        parked.add_argument("name", nargs="?", metavar="NAME")
        retry = commands.add_parser("retry", help="retry parked events, after a fix")
        retry.add_argument("name", metavar="NAME", help=f"of {', '.join(PROJECTIONS)}")
        retry.add_argument("--aggregate", type=UUID, metavar="ID", help="only those of this aggregate")
        leave_out = commands.add_parser("skip", help="leave out a parked event, here and in every rebuild")
        leave_out.add_argument("name", metavar="NAME")
        leave_out.add_argument("position", type=int, metavar="POSITION")
        leave_out.add_argument("--reason", required=True, help="why; recorded with your user name")
        shards = commands.add_parser("shards", help="divide a projection into N shards, while it is live")
        shards.add_argument("name", metavar="NAME")
        shards.add_argument("count", type=int, metavar="N")
        catch = commands.add_parser("catch_up", help="catch up now, in this process")
        catch.add_argument("name", metavar="NAME")
        catch.add_argument(
            "--strict", action="store_true", help="stop at an event that cannot be taken, instead of parking it"
        )

    def handle(self, *, subcommand: str | None, **options: Any) -> None:
        try:
            match subcommand:
                case None:
                    self.print_table(_table(statuses()))
                    for finding in LogFinding.objects.all():
                        self.stdout.write(f"the log: {finding}")
                case "parked":
                    self.print_table(_parked(options["name"]))
                case _:
                    self.stdout.write(_run(subcommand, **options))
        except EXPECTED_ERRORS as error:
            raise CommandError(str(error)) from error


def _run(subcommand: str, *, name: str, **options: Any) -> str:
    """Run a subcommand that changes a projection, and return what it did."""
    projection = projection_named(name)
    match subcommand:
        case "retry":
            released = redrive(projection, aggregate_id=options["aggregate"])
        case "skip":
            by = f"operator:{getpass.getuser()}"
            released = skip(projection, options["position"], reason=options["reason"], by=by)
        case "shards":
            divide(projection, options["count"])
            return f"{name} has {options['count']} shards now"
        case _:
            return f"{name}: {catch_up(projection, strict=options['strict']).events:,} events taken"
    left = ParkedEvent.objects.filter(projection=name, space=LIVE).count()
    return f"{name}: {released:,} no longer parked, {left:,} still parked"


def _table(shards: list[Status]) -> Table:
    table = Table("Projection", "Shard", "State", "Position", "Behind", "Late", "Rate", "Failures", "Parked", "Problem")
    for status in shards:
        table.add_row(
            status.projection,
            f"{status.shard + 1}/{status.of}",
            status.state_in_words,
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
    parked = ParkedEvent.objects.filter(space=LIVE)
    if name is not None:
        parked = parked.filter(projection=projection_named(name).name)
    table = Table("Projection", "Position", "Event", "Aggregate", "Why")
    for event in parked:
        table.add_row(event.projection, str(event.position), event.event_type, str(event.aggregate_id), event.summary)
    return table
