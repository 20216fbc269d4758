"""Stream a reader's events as server-sent events, from the client's cursor on, for a limited time.

An open stream occupies a thread of its web process. So the number of streams is limited (`take_slot`): of a process, of
a reader, and of a client address, since one person can register many accounts. Each stream ends after
EVENT_STREAM_SECONDS. The client reconnects with the id of the last event it received: no event is lost or sent twice.
"""

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from uuid import uuid4

import msgspec
from django.conf import settings
from django.utils.translation import get_language, override
from redis.exceptions import RedisError

from eventstore.wakeups import valkey
from orders.http.i18n import translate
from projections.event_feed.source import EventSource
from projections.reading.notify import any_row_channel
from projections.reading.read_your_writes import subscribe, unsubscribe, wait_for_message

log = logging.getLogger(__name__)

RETRY_MILLIS = 1000  # how long a client waits before it reconnects
BATCH = 100  # events read at once
MIN_QUERY_SECONDS = 0.1  # between two queries, however many notifications arrive
MAX_QUERY_SECONDS = 5.0  # until a query without a notification, since a notification may be lost
POLL_SECONDS = 1.0  # between two queries without a subscription
KEPT_FOR_SHOP = 4  # one in so many slots of a process is kept for the shop's own programs and people
LEASE_SECONDS = 30.0  # after a stream's end; then the slot of a process that died is free again


class NoFreeSlot(Exception):
    """The process or the reader has the maximum number of open streams. Try again later, or read the list."""


_open_streams = 0
_count_lock = threading.Lock()


@dataclass(slots=True)
class StreamSlot:
    """The right to have one stream open. `release` it at the end."""

    reader: str
    address: str = ""
    token: str = field(default_factory=lambda: str(uuid4()))
    held: bool = True

    @property
    def shares(self) -> dict[str, int]:
        """Return the Valkey keys under which this stream counts, and how many may be open under each.

        A key holds a sorted set of tokens by expiry time. Valkey must not hold addresses.
        """
        shares = {f"ordersite:streams:{self.reader}": settings.EVENT_STREAMS_EACH}
        if self.address:
            digest = blake2b(self.address.encode(), digest_size=16).hexdigest()
            shares[f"ordersite:streams:address:{digest}"] = settings.EVENT_STREAMS_ADDRESS
        return shares

    def release(self) -> None:
        """Give the slot back. A second call does nothing."""
        global _open_streams  # noqa: PLW0603 - all threads of the process count together
        with _count_lock:
            if not self.held:
                return
            self.held = False
            _open_streams -= 1
        try:
            pipeline = valkey.client().pipeline()
            for key in self.shares:
                pipeline.zrem(key, self.token)
            pipeline.execute()
        except RedisError as error:
            log.warning("a stream slot could not be released in Valkey and will expire there: %s", error)


def take_slot(reader: str, *, address: str = "") -> StreamSlot:
    """Take a slot of this process, of this reader, and of the client's address. Raises NoFreeSlot.

    Without an address it is a program of the shop, for which a quarter of the slots of each process is kept. While
    Valkey is down, the limits of readers and addresses are not checked.
    """
    global _open_streams  # noqa: PLW0603 - all threads of the process count together
    with _count_lock:
        kept = settings.EVENT_STREAMS // KEPT_FOR_SHOP if address else 0
        if _open_streams >= settings.EVENT_STREAMS - kept:
            raise NoFreeSlot(
                translate("too many event streams are open on this server: try again later, or read /events")
            )
        _open_streams += 1
    slot = StreamSlot(reader, address)
    try:
        counts = _count(slot)
    except RedisError as error:
        log.warning("the streams of a reader are not counted, Valkey does not answer: %s", error)
        return slot
    for number, most in zip(counts, slot.shares.values(), strict=True):
        if number > most:
            slot.release()
            raise NoFreeSlot(translate("you already have {number} event streams open: close one first", number=most))
    return slot


def _count(slot: StreamSlot) -> list[int]:
    """Count the stream under each of its shares; return how many are open there. Raises RedisError."""
    now, lease = time.time(), settings.EVENT_STREAM_SECONDS + LEASE_SECONDS
    pipeline = valkey.client().pipeline()
    for key in slot.shares:
        pipeline.zremrangebyscore(key, "-inf", now)
        pipeline.zadd(key, {slot.token: now + lease})
        pipeline.expire(key, int(lease) + 1)
        pipeline.zcard(key)
    return [int(number) for number in pipeline.execute()[3::4]]


class Stream:
    """The body of the response. `close` releases the slot, even if the stream never started."""

    def __init__(
        self,
        source: EventSource,
        slot: StreamSlot,
        *,
        cursor: str,
        position: int,
        is_allowed: Callable[[], bool] = lambda: True,
    ) -> None:
        self._slot = slot
        # The request's language, which is no longer active when the body is produced.
        self._chunks = _chunks(source, cursor, position, get_language(), is_allowed)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._chunks)

    def close(self) -> None:
        """End the stream and release its slot. Django calls it when the response is done."""
        try:
            self._chunks.close()
        finally:
            self._slot.release()


def _chunks(
    source: EventSource, cursor: str, position: int, language: str, is_allowed: Callable[[], bool]
) -> Generator[str, None, None]:
    """Yield server-sent events after `position` until the time is over, and comments while nothing happens.

    The stream ends as soon as its reader is not allowed to read any more: it is asked before each batch.
    """
    ends = time.monotonic() + settings.EVENT_STREAM_SECONDS
    # An id without data: a client that loses the connection before the first event reconnects at the same place.
    yield f"retry: {RETRY_MILLIS}\nid: {cursor}\n\n"
    last_sent = time.monotonic()
    subscription = subscribe([any_row_channel(source.projection)])
    try:
        while True:
            queried = time.monotonic()
            with override(language):
                page = source.read(after=position, limit=BATCH)  # subscribed before, so nothing is missed
            if not is_allowed():
                return
            position = page.through
            for event in page.events:
                yield _format(event)
            now = time.monotonic()
            if page.events:
                last_sent = now
            if now >= ends:
                return
            if page.has_more:
                continue
            if now - last_sent >= settings.EVENT_STREAM_SILENT_SECONDS:
                yield ": nothing new\n\n"
                last_sent = now
            left = min(ends, last_sent + settings.EVENT_STREAM_SILENT_SECONDS) - now
            wait_for_message(subscription, max(left, 0.01), untold=MAX_QUERY_SECONDS, poll=POLL_SECONDS)
            time.sleep(max(0.0, queried + MIN_QUERY_SECONDS - time.monotonic()))
    finally:
        unsubscribe(subscription)


def _format(event: Any) -> str:
    return f"id: {event.id}\nevent: {event.type}\ndata: {msgspec.json.encode(event).decode()}\n\n"
