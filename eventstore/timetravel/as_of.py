"""Load an aggregate as of a version, a recorded time or a business time.

The admin, the API and the command line all use `load_as_of`, and read moments by `parse_moment`.
"""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format

from eventstore import store
from eventstore.decider import decider_named
from eventstore.errors import AggregateNotFound
from eventstore.records import require_next
from eventstore.snapshots import fold
from eventstore.store import Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """Limits that select events. An event must satisfy every limit that is set.

    `recorded` selects what the shop knew at a moment. `occurred` selects what had happened by then, as far as is known
    today. They differ for events that were reported late, such as imported ones.
    """

    version: int | None = None
    recorded: datetime | None = None
    occurred: datetime | None = None

    @property
    def only_version(self) -> bool:
        """Return whether the version is the only limit."""
        return self.version is not None and self.recorded is None and self.occurred is None

    @property
    def in_words(self) -> str:
        """Return the limits as text in the shop's time zone, such as `as of 31 Mar 2011, 23:59`."""
        words = [f"at version {self.version}"] if self.version else []
        words += [f"as of {_format_moment(self.occurred)}"] if self.occurred else []
        words += [f"as known on {_format_moment(self.recorded)}"] if self.recorded else []
        return ", ".join(words)

    def includes(self, fact: Recorded[Any]) -> bool:
        """Return whether the event satisfies all limits."""
        return (
            (self.version is None or fact.version <= self.version)
            and (self.recorded is None or fact.timestamp <= self.recorded)
            and (self.occurred is None or fact.occurred_at <= self.occurred)
        )


def _format_moment(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "j M Y, H:i")


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAggregate:
    """An aggregate as of a limit: the events within the limit, oldest first, and the state they make."""

    facts: list[Recorded[Any]]
    state: Any

    @property
    def version(self) -> int:
        """Return the version of the last event."""
        return self.facts[-1].version


def load_as_of(aggregate_id: UUID, as_of: AsOf, *, stream: list[Recorded[Any]] | None = None) -> PastAggregate:
    """Load an aggregate as of a version or moment. Pass `stream`, its whole history, if it has been read already.

    Raises AggregateNotFound if the aggregate did not exist then or has no such version. Raises VersionGap if an event
    is missing, and the errors of `codec.decode`.
    """
    stream = store.read_stream(aggregate_id) if stream is None else stream
    for after, fact in enumerate(stream):
        require_next(aggregate_id, fact.version, after=after)
    facts = [fact for fact in stream if as_of.includes(fact)]
    if not facts or facts[0].version > 1:
        raise AggregateNotFound(
            "not_found", "nothing was known about {aggregate_id} at that time", aggregate_id=aggregate_id
        )
    if as_of.only_version and facts[-1].version != as_of.version:
        raise AggregateNotFound(
            "not_found",
            "{aggregate_id} has no version {version}; the latest version is {latest}",
            aggregate_id=aggregate_id,
            version=as_of.version,
            latest=facts[-1].version,
        )
    decider = decider_named(facts[0].aggregate_type)
    return PastAggregate(facts=facts, state=fold(decider, (fact.event for fact in facts), decider.initial))


def parse_first_moment(text: str) -> datetime:
    """Parse the start of a period like `parse_moment`, but a date means its first instant. Raises ValueError."""
    return parse_moment(text, time_of_day=time.min)


def parse_moment(text: str, *, time_of_day: time = time.max) -> datetime:
    """Parse an ISO 8601 date, or date and time. Raises ValueError.

    A date means its last instant, or `time_of_day`. Without a time zone, the text is in the shop's.
    """
    try:
        moment, day = parse_datetime(text), parse_date(text)
    except ValueError:
        moment = day = None
    if day is not None:
        moment = datetime.combine(day, time_of_day)
    if moment is not None:
        try:
            return timezone.localtime(timezone.make_aware(moment) if timezone.is_naive(moment) else moment)
        except OverflowError:
            pass  # outside the years 1 to 9999 in the shop's time zone
    raise ValueError(f"{text[:50]!r} is no date or time such as 2011-03-31 or 2011-03-31T12:00")
