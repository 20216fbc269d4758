"""Read-your-writes: wait a bounded time until a read model shows what a command answered.

Whoever waits listens in Valkey and looks when told; the database is asked a few times at most. Where Valkey does not
answer, it is asked in short intervals instead.
"""

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from redis.exceptions import RedisError

from eventstore.wakeups import valkey
from projections.reading.notify import row_channel

log = logging.getLogger(__name__)

T = TypeVar("T")

UNTOLD_SECONDS = 0.5  # until somebody who listens looks all the same: a word may have been lost
POLL_SECONDS = 0.05  # between two looks where nobody can be listened to


class NotYetVisible(Exception):
    """The read model does not show the version asked for yet. Ask again after a second."""


def wait_for(look: Callable[[], T | None], *, projection: str, rows: Iterable[UUID]) -> T:
    """What `look` finds, as soon as it finds something; looks again whenever one of these rows shows more.

    Raises NotYetVisible after READ_WAIT_SECONDS.
    """
    found = look()
    if found is not None:
        return found
    deadline = time.monotonic() + settings.READ_WAIT_SECONDS
    ear = subscribe([row_channel(projection, row) for row in rows])
    try:
        while True:
            found = look()  # after the ear is open: what is told from now on is heard
            if found is not None:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise NotYetVisible("the version you asked for is not visible yet")
            wait_for_message(ear, left)
    finally:
        unsubscribe(ear)


def subscribe(channels: list[str]) -> Any:
    """An ear that is open; None where Valkey does not answer."""
    ear: Any = valkey.client().pubsub()  # type: ignore[no-untyped-call]  # the library's
    try:
        ear.subscribe(*channels)
        for _ in channels:
            ear.parse_response(block=True)  # the word that it is open
    except RedisError as error:
        log.warning("nobody can be listened to, the database is asked instead: %s", error)
        return None
    return ear


def wait_for_message(ear: Any, left: float, *, untold: float = UNTOLD_SECONDS, poll: float = POLL_SECONDS) -> None:
    """Returns when something is told, or after a while: `untold` where there is an ear, `poll` where there is none."""
    if ear is not None:
        try:
            ear.get_message(timeout=min(left, untold))
            return
        except RedisError as error:
            log.warning("the one listened to fell silent: %s", error)
    time.sleep(min(left, poll))


def unsubscribe(ear: Any) -> None:
    """Close what `listen` gave."""
    if ear is not None:
        with suppress(RedisError):
            ear.close()
