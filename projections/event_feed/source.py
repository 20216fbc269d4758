"""A source of events for one audience, and the cursor with which it is read on: the id of an event."""

from typing import Any, Protocol
from uuid import UUID

import msgspec

from orders.http.i18n import translate

START = "start"
"""The cursor before the oldest event that is available."""


class CursorMalformed(ValueError):
    """The text is not an event id. Send the cursor unchanged."""


class CursorExpired(LookupError):
    """Events after the cursor are no longer available, or it never was one of this reader. Start without a cursor."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of events, each as its audience sees it. The next page starts after the position `through`."""

    events: list[Any]
    through: int
    has_more: bool


class EventSource(Protocol):
    """The events that one reader may see, in the order of the log."""

    reader: str
    """Who reads, such as the customer's id: the open streams of each reader are counted."""
    of_shop: bool
    """Whether a program or a person of the shop reads: some streams of each process are kept for these."""
    projection: str
    """A projection that changes rows after each of these events: a stream listens to it."""

    def read(self, *, after: int, limit: int) -> Page:
        """Return the next events after a position, at most `limit`."""

    def position_of(self, cursor: str) -> int:
        """Return the position to read on from. Raises CursorMalformed, CursorExpired."""

    def newest(self) -> tuple[str, int]:
        """Return the cursor and the position of the newest event."""


def event_id_of(cursor: str) -> UUID:
    """Return the id in a cursor. Raises CursorMalformed."""
    malformed = CursorMalformed(translate("a cursor is the id of an event, unchanged"))
    try:
        event_id = UUID(cursor)
    except ValueError:
        raise malformed from None
    if str(event_id) != cursor:  # UUID() also takes braces, spaces and underscores
        raise malformed
    return event_id
