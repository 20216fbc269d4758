"""What an order's page tells beside its row: everything that ever happened, and the order as it was."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import reverse

from eventstore import codec, store
from eventstore.admin.pages import actor_in_words
from eventstore.errors import UNREADABLE, AggregateNotFound
from eventstore.store import Damaged, Recorded
from eventstore.timetravel import as_of as timetravel
from eventstore.timetravel.as_of import AsOf
from orders.events import NoteAdded, OrderHeld
from projections.engine.projection import PROJECTIONS
from projections.staff.orders import StaffOrder
from projections.staff.timeline import describe_for_staff


class NoSuchPast(Exception):
    """The page was asked for a past that the order does not have. The message says why; show it as it is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOrder:
    """An order as it was: its row, when that was, which events count, and whether it is one of its versions."""

    order: StaffOrder
    when: str
    versions: frozenset[int]
    restorable: bool


def as_it_was(order: StaffOrder, asked: Mapping[str, Any]) -> PastOrder | None:
    """The order at `version`, `as_of` or `recorded_by`; None where it is asked for as it is now. Raises NoSuchPast."""
    given = {name: str(asked[name]) for name in ("version", "as_of", "recorded_by") if asked.get(name)}
    if not given or given == {"version": str(order.version)}:
        return None
    try:
        version = _number(given["version"]) if "version" in given else None
        as_of, recorded_by = (
            timetravel.parse_moment(given[name]) if name in given else None for name in ("as_of", "recorded_by")
        )
        limits = AsOf(version=version, occurred=as_of, recorded=recorded_by)
        facts = timetravel.load_as_of(order.order_id, limits).facts
    except ValueError as error:
        raise NoSuchPast(f"{error}. The order is shown as it is now.") from error
    except UNREADABLE as error:
        raise NoSuchPast(f"The order as it was cannot be made: {error}. It is shown as it is now.") from error
    except AggregateNotFound as error:
        raise NoSuchPast(
            "The order did not exist then, or never had that version. It is shown as it is now."
        ) from error
    return PastOrder(
        order=PROJECTIONS["staff"].row_as_of(StaffOrder, order.order_id, facts),
        when=limits.in_words,
        versions=frozenset(fact.version for fact in facts),
        restorable=list(given) == ["version"],
    )


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no version; a version is a whole number, such as 3")
    return int(text)


def timeline(order_id: UUID) -> list[dict[str, Any]]:
    """An order's events in words, the newest first, read from the log itself: never behind."""
    return [
        {
            "version": fact.version,
            "words": _cannot_be_read(fact.event) if isinstance(fact.event, Damaged) else describe_for_staff(fact.event),
            "event": fact.event,
            "is_note": isinstance(fact.event, NoteAdded),
            "who": actor_in_words(fact.metadata.actor),
            "occurred_at": fact.occurred_at,
            "recorded_at": fact.timestamp if fact.metadata.occurred_at else None,
            "synthetic": fact.metadata.extra.get("synthetic", ""),
            "url": reverse("admin:eventstore_event_change", args=[fact.position]),
            "raw": _raw(fact),
        }
        for fact in reversed(store.read_stream(order_id, tolerant=True))
    ]


def held(history: list[dict[str, Any]], version: int) -> dict[str, Any] | None:
    """The entry of a timeline that put the order on hold, as the order was at `version`."""
    return next((each for each in history if each["version"] <= version and isinstance(each["event"], OrderHeld)), None)


def _cannot_be_read(damaged: Damaged) -> str:
    return f"{damaged.event_type} cannot be read: {damaged.error}"


def _raw(fact: Recorded[Any]) -> str:
    """An event that cannot be read is shown by its error, which quotes what stands in the log."""
    event = str(fact.event.error) if isinstance(fact.event, Damaged) else json.loads(codec.encode(fact.event))
    shown = {"event": event, "metadata": json.loads(codec.encode(fact.metadata))}
    return json.dumps(shown, indent=2, ensure_ascii=False)
