"""`manage.py consumers`: show how far the consumers of the log are, and retry or leave out what they have parked."""

import getpass
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from rich.table import Table

from eventstore.errors import UNREADABLE, NotParked, ReasonMissing, explained
from eventstore.followers import parking
from eventstore.followers.consumers import OutdatedConsumer
from eventstore.followers.handling import UnknownConsumer, consumer_named
from eventstore.management.base import SafeCommand
from eventstore.models import ConsumerCheckpoint

EXPECTED_ERRORS = (NotParked, ReasonMissing, UnknownConsumer, OutdatedConsumer)


class Command(SafeCommand):
    """The command `consumers` with its subcommands."""

    help = "Operate the consumers of the log, such as processes, webhooks and mails. Without a subcommand: their state."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND")
        parked = commands.add_parser("parked", help="list the parked events, and why they were parked")
        parked.add_argument("name", nargs="?", metavar="NAME")
        retry = commands.add_parser("retry", help="retry parked events, after a fix")
        retry.add_argument("name", metavar="NAME")
        retry.add_argument("--aggregate", type=UUID, metavar="ID", help="only those of this aggregate")
        leave_out = commands.add_parser("skip", help="leave out a parked event for ever")
        leave_out.add_argument("name", metavar="NAME")
        leave_out.add_argument("position", type=int, metavar="POSITION")
        leave_out.add_argument("--reason", required=True, help="why; recorded with your user name")

    def handle(self, *, subcommand: str | None, **options: Any) -> None:
        try:
            match subcommand:
                case None:
                    self.print_table(_state())
                case "parked":
                    self.print_table(_parked(options["name"]))
                case _:
                    self.stdout.write(_run(subcommand, **options))
        except EXPECTED_ERRORS as error:
            raise CommandError(str(error)) from error
        except UNREADABLE as error:
            raise CommandError(explained(error)) from error


def _run(subcommand: str, *, name: str, **options: Any) -> str:
    """Run a subcommand that changes what is parked, and return what it did."""
    if subcommand == "retry":
        released = parking.redrive(name, aggregate_id=options["aggregate"])
    else:
        by = f"operator:{getpass.getuser()}"
        released = parking.leave_out(name, options["position"], reason=options["reason"], by=by)
    return f"{name}: {released:,} no longer parked, {parking.parked_events(name).count():,} still parked"


def _state() -> Table:
    parked = parking.parked_counts()
    table = Table("Consumer", "Position", "Parked", "Problem")
    for checkpoint in ConsumerCheckpoint.objects.order_by("name"):
        name = checkpoint.name
        table.add_row(name, f"{checkpoint.position:,}", f"{parked.get(name, 0):,}", checkpoint.problem)
    return table


def _parked(name: str | None) -> Table:
    table = Table("Consumer", "Position", "Event", "Aggregate", "Why")
    for event in parking.parked_events(consumer_named(name).name if name else None):
        table.add_row(event.consumer, str(event.position), event.event_type, str(event.aggregate_id), event.summary)
    return table
