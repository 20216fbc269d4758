"""An aggregate as it was: at a version, by what was recorded by a moment, or by what had happened by a moment.

One function, `load`, for the admin, the API and the command line; and one way to write a moment, `moment`.
"""

from dataclasses import dataclass
from datetime import datetime, time
from functools import reduce
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format

from eventstore import store
from eventstore.decider import decider_named
from eventstore.errors import AggregateNotFound
from eventstore.records import require_next
from eventstore.store import Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """Where to stop: every limit that is given has to hold.

    `recorded` asks what the shop knew at a moment, `occurred` what had happened by then, as far as is known today. They
    differ for what was told late, such as an import.
    """

    version: int | None = None
    recorded: datetime | None = None
    occurred: datetime | None = None

    @property
    def only_version(self) -> bool:
        return self.version is not None and self.recorded is None and self.occurred is None

    @property
    def in_words(self) -> str:
        """`as of 31 Mar 2011, 23:59`, in the shop's time."""
        words = [f"at version {self.version}"] if self.version else []
        words += [f"as of {_shown(self.occurred)}"] if self.occurred else []
        words += [f"as known on {_shown(self.recorded)}"] if self.recorded else []
        return ", ".join(words)

    def includes(self, fact: Recorded[Any]) -> bool:
        return (
            (self.version is None or fact.version <= self.version)
            and (self.recorded is None or fact.timestamp <= self.recorded)
            and (self.occurred is None or fact.occurred_at <= self.occurred)
        )


def _shown(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "j M Y, H:i")


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAggregate:
    """An aggregate as it was: the facts that count, oldest first, and the state they make."""

    facts: list[Recorded[Any]]
    state: Any

    @property
    def version(self) -> int:
        return self.facts[-1].version


def load_as_of(aggregate_id: UUID, as_of: AsOf, *, stream: list[Recorded[Any]] | None = None) -> PastAggregate:
    """An aggregate as of a version or moment; `stream` is its whole history, if the caller has read it already.

    Raises AggregateNotFound where it had not begun then, or never had that version; VersionGap, and what decoding an
    event raises.
    """
    stream = store.read_stream(aggregate_id) if stream is None else stream
    for after, fact in enumerate(stream):
        require_next(aggregate_id, fact.version, after=after)
    facts = [fact for fact in stream if as_of.includes(fact)]
    if not facts or facts[0].version > 1:
        raise AggregateNotFound("not_found", "nothing was known of {aggregate_id} then", aggregate_id=aggregate_id)
    if as_of.only_version and facts[-1].version != as_of.version:
        raise AggregateNotFound(
            "not_found",
            "{aggregate_id} has no version {version}, but {latest}",
            aggregate_id=aggregate_id,
            version=as_of.version,
            latest=facts[-1].version,
        )
    decider = decider_named(facts[0].aggregate_type)
    return PastAggregate(facts=facts, state=reduce(decider.evolve, (fact.event for fact in facts), decider.initial))


def parse_first_moment(text: str) -> datetime:
    """As `moment`, but of a date its first instant: for what begins then. Raises ValueError."""
    return parse_moment(text, of_a_day=time.min)


def parse_moment(text: str, *, of_a_day: time = time.max) -> datetime:
    """A date (its last instant) or a date and time, ISO 8601; without a zone it is the shop's. Raises ValueError."""
    try:
        found, day = parse_datetime(text), parse_date(text)
    except ValueError:
        found = day = None
    if day is not None:
        found = datetime.combine(day, of_a_day)
    if found is not None:
        try:
            return timezone.localtime(timezone.make_aware(found) if timezone.is_naive(found) else found)
        except OverflowError:
            pass  # a year that no calendar of ours has
    raise ValueError(f"{text[:50]!r} is no date or time such as 2011-03-31 or 2011-03-31T12:00")
