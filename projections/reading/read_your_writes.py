"""Read-your-writes: wait a limited time until a read model shows the version that a command answered.

The reader subscribes to the rows' Valkey channels and queries the database again after each message, a few times at
most. If Valkey is down, it polls the database.
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

UNTOLD_SECONDS = 0.5  # a subscriber looks at least this often, because a message may be lost
POLL_SECONDS = 0.05  # between two looks without a subscription


class NotYetVisible(Exception):
    """The read model does not show the requested version yet. Ask again after a second."""


def wait_for(look: Callable[[], T | None], *, projection: str, rows: Iterable[UUID]) -> T:
    """Call `look` until it returns something, and return that. It is called again whenever one of the rows changes.

    Raises NotYetVisible after READ_WAIT_SECONDS.
    """
    result = look()
    if result is not None:
        return result
    deadline = time.monotonic() + settings.READ_WAIT_SECONDS
    subscription = subscribe([row_channel(projection, row) for row in rows])
    try:
        while True:
            result = look()  # after subscribing: from now on no change is missed
            if result is not None:
                return result
            left = deadline - time.monotonic()
            if left <= 0:
                raise NotYetVisible("the version you asked for is not visible yet")
            wait_for_message(subscription, left)
    finally:
        unsubscribe(subscription)


def subscribe(channels: list[str]) -> Any:
    """Return a subscription to these Valkey channels, or None if Valkey is down."""
    subscription: Any = valkey.client().pubsub()  # type: ignore[no-untyped-call]  # the library's
    try:
        subscription.subscribe(*channels)
        for _ in channels:
            subscription.parse_response(block=True)  # the confirmation
    except RedisError as error:
        log.warning("cannot subscribe in Valkey; polling the database: %s", error)
        return None
    return subscription


def wait_for_message(
    subscription: Any, left: float, *, untold: float = UNTOLD_SECONDS, poll: float = POLL_SECONDS
) -> None:
    """Wait for a message, at most `left` seconds, and at most `untold` with a subscription, `poll` without one."""
    if subscription is not None:
        try:
            subscription.get_message(timeout=min(left, untold))
            return
        except RedisError as error:
            log.warning("lost the Valkey subscription; polling the database: %s", error)
    time.sleep(min(left, poll))


def unsubscribe(subscription: Any) -> None:
    """Close a subscription; does nothing for None."""
    if subscription is not None:
        with suppress(RedisError):
            subscription.close()
