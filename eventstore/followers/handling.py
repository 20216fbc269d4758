"""What a consumer does with the events of the log, and how one that it cannot handle is parked.

Events are handled together. If that fails, they are halved until the failing event is found. That event is parked, and
the later events of its aggregate wait behind it. All this is written in the transaction that moves the checkpoint.
"""

import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import kombu.exceptions
import redis.exceptions
from django.db import transaction
from django.utils import timezone

from eventstore.errors import storable_text, summary_of
from eventstore.models import ConsumerParkedEvent
from eventstore.records import type_name
from eventstore.sql import is_failure_of_the_database
from eventstore.store import Recorded

log = logging.getLogger(__name__)

PAGE = 1000  # events read and handled together

_FAILURES_OF_THE_BROKER = (
    ConnectionError,
    TimeoutError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    kombu.exceptions.OperationalError,
)


class UnknownConsumer(LookupError):
    """No consumer that parks events has this name. The message lists those that there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A follower of the log that does something with each event. `name` is the name of its checkpoint.

    `handle` takes events in log order, inside a transaction, at most `page` together. Let `page` be 1 if a rollback
    does not undo what it does, such as sending mail. A damaged event is passed as `store.Damaged`. `event_types` are
    the types that it handles; empty: all. An error of a class in `temporary` has nothing to do with the event, so the
    event is not parked but tried again, as after a failure of the database or the broker.
    """

    name: str
    handle: Callable[[Sequence[Recorded[Any]]], None]
    event_types: Sequence[str] = ()
    page: int = PAGE
    temporary: tuple[type[Exception], ...] = ()


CONSUMERS: dict[str, Consumer] = {}
"""Each declared consumer, by name."""


def declare(consumer: Consumer) -> Consumer:
    """Let operators retry what this consumer parks, and return it."""
    CONSUMERS[consumer.name] = consumer
    return consumer


def consumer_named(name: str) -> Consumer:
    """Return the consumer of this name. Raises UnknownConsumer."""
    try:
        return CONSUMERS[name]
    except KeyError:
        raise UnknownConsumer(f"no consumer is called {name!r}; there are {', '.join(sorted(CONSUMERS))}") from None


def take(consumer: Consumer, facts: Sequence[Recorded[Any]]) -> None:
    """Handle events in log order, and park those that cannot be handled. The caller holds the checkpoint.

    Raises the error of a failure that has nothing to do with the events.
    """
    for start in range(0, len(facts), consumer.page):
        _take(consumer, facts[start : start + consumer.page])


def _take(consumer: Consumer, facts: Sequence[Recorded[Any]]) -> None:
    facts = _without_waiting(consumer, facts)
    error = _try(consumer, facts) if facts else None
    if error and len(facts) == 1:
        _park_failed(consumer, facts[0], error)
    elif error:
        middle = len(facts) // 2
        _take(consumer, facts[:middle])
        _take(consumer, facts[middle:])


def _try(consumer: Consumer, facts: Sequence[Recorded[Any]]) -> Exception | None:
    """Handle these events, or none of them and return the error. Raises that of a failure not caused by them."""
    try:
        with transaction.atomic():
            consumer.handle(facts)
    except Exception as error:  # whatever a handler raises, its event is parked
        if is_failure_of_the_database(error) or isinstance(error, (*_FAILURES_OF_THE_BROKER, *consumer.temporary)):
            raise
        return error
    return None


def _without_waiting(consumer: Consumer, facts: Sequence[Recorded[Any]]) -> Sequence[Recorded[Any]]:
    """Park the facts that come after a parked event of their aggregate; return the others, without those left out."""
    parked = ConsumerParkedEvent.objects.filter(consumer=consumer.name)
    if not parked.exists():  # nearly always; saves a query with the ids of all aggregates
        return facts
    known = list(parked.filter(aggregate_id__in={fact.aggregate_id for fact in facts}))
    left_out = {each.position for each in known if each.is_left_out}
    blocked = {each.aggregate_id for each in known if not each.is_left_out}
    facts = [fact for fact in facts if fact.position not in left_out]
    _park(consumer, [fact for fact in facts if fact.aggregate_id in blocked])
    return [fact for fact in facts if fact.aggregate_id not in blocked]


def _park_failed(consumer: Consumer, fact: Recorded[Any], error: Exception) -> None:
    log.error(
        "%s cannot take %s at %s of %s: parked",
        consumer.name,
        type_name(fact.event),
        fact.position,
        fact.aggregate_id,
        exc_info=error,
        extra={"consumer": consumer.name, "correlation_id": str(fact.metadata.correlation_id)},
    )
    _park(consumer, [fact], storable_text(f"{summary_of(error)}\n\n{''.join(traceback.format_exception(error))}"))


def _park(consumer: Consumer, facts: Sequence[Recorded[Any]], error: str = "") -> None:
    status = ConsumerParkedEvent.Status.FAILED if error else ConsumerParkedEvent.Status.WAITING
    parked = (
        ConsumerParkedEvent(
            consumer=consumer.name,
            position=fact.position,
            aggregate_id=fact.aggregate_id,
            event_type=type_name(fact.event),
            status=status,
            error=error,
            parked_at=timezone.now(),
        )
        for fact in facts
    )
    # A checkpoint that went back, as after a restore, brings events that are parked already.
    ConsumerParkedEvent.objects.bulk_create(parked, ignore_conflicts=True)
