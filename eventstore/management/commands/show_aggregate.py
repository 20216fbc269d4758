"""`manage.py show_aggregate ID`: its history and state, now or as of a version or moment."""

import json
from argparse import ArgumentTypeError
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from eventstore import codec
from eventstore.errors import AggregateNotFound
from eventstore.timetravel import AsOf, load


class Command(BaseCommand):
    help = "Print an aggregate's events and state as JSON, now or as it was."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("aggregate", type=UUID)
        parser.add_argument("--at-version", type=int, help="As of this version.")
        parser.add_argument("--recorded-by", type=moment, help="What was known at this moment (ISO 8601).")
        parser.add_argument("--occurred-by", type=moment, help="What had happened by this moment (ISO 8601).")

    def handle(
        self,
        *,
        aggregate: UUID,
        at_version: int | None,
        recorded_by: datetime | None,
        occurred_by: datetime | None,
        **options: Any,
    ) -> None:
        try:
            past = load(aggregate, AsOf(version=at_version, recorded=recorded_by, occurred=occurred_by))
        except AggregateNotFound as error:
            raise CommandError(error.message) from error
        shown = {
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
        self.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False))


def moment(text: str) -> datetime:
    """A date (its last instant) or a date and time; without a zone it is the shop's."""
    try:
        found = parse_datetime(text)
        day = parse_date(text)
    except ValueError:
        found = day = None
    if day is not None:
        found = datetime.combine(day, datetime.max.time())
    if found is None:
        raise ArgumentTypeError(f"{text!r} is no date or time such as 2011-03-31 or 2011-03-31T12:00")
    return timezone.make_aware(found) if timezone.is_naive(found) else found
