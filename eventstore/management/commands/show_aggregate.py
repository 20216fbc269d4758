"""`manage.py show_aggregate ID`: print an aggregate's events and state, now or as of a version or time."""

import json
from argparse import ArgumentTypeError
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from eventstore import codec
from eventstore.errors import AggregateNotFound
from eventstore.management.base import SafeCommand
from eventstore.timetravel import as_of as timetravel
from eventstore.timetravel.as_of import AsOf, load_as_of


class Command(SafeCommand):
    help = "Print an aggregate's events and state as JSON, now or as it was."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("aggregate", type=UUID)
        parser.add_argument("--at-version", type=int, help="Up to this version.")
        parser.add_argument("--recorded-by", type=moment, help="Only events recorded up to this time (ISO 8601).")
        parser.add_argument("--as-of", type=moment, help="Only events that happened up to this time (ISO 8601).")

    def handle(
        self,
        *,
        aggregate: UUID,
        at_version: int | None,
        recorded_by: datetime | None,
        as_of: datetime | None,
        **options: Any,
    ) -> None:
        try:
            past = load_as_of(aggregate, AsOf(version=at_version, recorded=recorded_by, occurred=as_of))
        except AggregateNotFound as error:
            raise CommandError(error.message) from error
        output = {
            "aggregate_id": str(aggregate),
            "aggregate_type": past.facts[0].aggregate_type,
            "version": past.version,
            "state": json.loads(codec.encode(past.state)),
            "events": [
                {
                    "version": fact.version,
                    "type": codec.type_of(fact.event).name,
                    "recorded": fact.timestamp.isoformat(),
                    "occurred": fact.occurred_at.isoformat(),
                    "actor": fact.metadata.actor,
                    "data": json.loads(codec.encode(fact.event)),
                }
                for fact in past.facts
            ],
        }
        self.stdout.write(json.dumps(output, indent=2, ensure_ascii=False))


def moment(text: str) -> datetime:
    """Parse a time. Raises ArgumentTypeError."""
    try:
        return timetravel.parse_moment(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
