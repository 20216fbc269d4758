"""A customer's events as they happen: server-sent events, for a bounded time, from where the client left off.

An open stream holds a thread of its web process. So there are few at once (`seat`), each ends by itself, and the client
comes back with the id of the last event it has: nothing is lost or told twice by that.
"""

import logging
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import msgspec
from django.conf import settings
from django.utils.translation import get_language, override
from redis.exceptions import RedisError

from eventstore.wakeups import valkey
from orders.http.i18n import translate
from projections.customer.feed import CustomerFeed
from projections.customer.public_events import PublicEvent, own_events
from projections.reading.notify import any_row_channel
from projections.reading.read_your_writes import subscribe, unsubscribe, wait_for_message

log = logging.getLogger(__name__)

RETRY_MILLIS = 1000  # after which a client comes back once the stream has ended
AT_ONCE = 100  # events read in one go
LOOK_SECONDS = 0.1  # between two looks at the database, however often something is told
UNTOLD_SECONDS = 5.0  # until a look although nothing was told: a word may have been lost
POLL_SECONDS = 1.0  # between two looks where nobody can be listened to
LEASE_SECONDS = 30.0  # for which a seat is kept beyond a stream's time: whoever died gives it back by then


class NoFreeSlot(Exception):
    """So many streams are open, here or by this customer, that no more are. Come back later, or read the feed."""


_seats_taken = 0
_counting = threading.Lock()


@dataclass(slots=True)
class StreamSlot:
    """The right to one stream. To be given back once."""

    customer_id: UUID
    token: str = field(default_factory=lambda: str(uuid4()))
    taken: bool = True

    @property
    def key(self) -> str:
        return f"ordersite:streams:{self.customer_id}"

    def leave(self) -> None:
        global _seats_taken  # noqa: PLW0603 - of the process, as its threads are
        with _counting:
            if not self.taken:
                return
            self.taken = False
            _seats_taken -= 1
        try:
            valkey.client().zrem(self.key, self.token)
        except RedisError as error:
            log.warning("a stream's seat is given back by time alone: %s", error)


def take_slot(customer_id: UUID) -> StreamSlot:
    """Raises NoSeat. Where Valkey is down, only this process counts."""
    global _seats_taken  # noqa: PLW0603 - as above
    with _counting:
        if _seats_taken >= settings.EVENT_STREAMS:
            raise NoFreeSlot(
                translate("too many streams of events are open here: come back in a while, or read /events")
            )
        _seats_taken += 1
    seat = StreamSlot(customer_id)
    try:
        now, lease = time.time(), settings.EVENT_STREAM_SECONDS + LEASE_SECONDS
        asked = valkey.client().pipeline()
        asked.zremrangebyscore(seat.key, "-inf", now)
        asked.zadd(seat.key, {seat.token: now + lease})
        asked.zcard(seat.key)
        asked.expire(seat.key, int(lease) + 1)
        open_ones = asked.execute()[2]
    except RedisError as error:
        log.warning("a customer's streams are not being counted: %s", error)
        return seat
    if open_ones > settings.EVENT_STREAMS_EACH:
        seat.leave()
        raise NoFreeSlot(
            translate("you have {number} streams of events open already: close one", number=settings.EVENT_STREAMS_EACH)
        )
    return seat


class Stream:
    """The body of the answer, piece by piece. Closed, it gives its seat back, also where it was never begun."""

    def __init__(self, seat: StreamSlot, *, cursor: str, position: int) -> None:
        self._seat = seat
        # The language is the request's, which is over before the body is made.
        self._pieces = _pieces(seat.customer_id, cursor, position, get_language())

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    def close(self) -> None:
        try:
            self._pieces.close()
        finally:
            self._seat.leave()


def _pieces(customer_id: UUID, cursor: str, position: int, language: str) -> Generator[str, None, None]:
    ends = time.monotonic() + settings.EVENT_STREAM_SECONDS
    # An id without data: who is cut off before the first event comes back to this very place.
    yield f"retry: {RETRY_MILLIS}\nid: {cursor}\n\n"
    spoke = time.monotonic()
    ear = subscribe([any_row_channel(CustomerFeed.name)])
    try:
        while True:
            looked = time.monotonic()
            with override(language):
                page = own_events(customer_id, after=position, limit=AT_ONCE)  # after the ear is open
            position = page.through
            for event in page.events:
                yield _piece(event)
            now = time.monotonic()
            if page.events:
                spoke = now
            if now >= ends:
                return
            if page.more:
                continue
            if now - spoke >= settings.EVENT_STREAM_SILENT_SECONDS:
                yield ": nothing new\n\n"
                spoke = now
            left = min(ends, spoke + settings.EVENT_STREAM_SILENT_SECONDS) - now
            wait_for_message(ear, max(left, 0.01), untold=UNTOLD_SECONDS, poll=POLL_SECONDS)
            time.sleep(max(0.0, looked + LOOK_SECONDS - time.monotonic()))
    finally:
        unsubscribe(ear)


def _piece(event: PublicEvent) -> str:
    return f"id: {event.id}\nevent: {event.type}\ndata: {msgspec.json.encode(event).decode()}\n\n"
