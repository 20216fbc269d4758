"""The history part of an order's page: the timeline, and the order as it was in the past.

Both are made from the order's events in the log. The page reads them once, with `read_history`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import reverse

from eventstore import codec, store
from eventstore.admin.pages import actor_in_words
from eventstore.errors import UNREADABLE, AggregateNotFound
from eventstore.limits.numbers import MOST_VERSION, parse_whole
from eventstore.store import Damaged, Recorded
from eventstore.timetravel import as_of as timetravel
from eventstore.timetravel.as_of import AsOf
from orders.events import NoteAdded, OrderHeld
from projections.engine.projection import PROJECTIONS
from projections.order_timeline import describe
from projections.staff.orders import StaffOrder


class NoSuchPast(Exception):
    """The order has no such past. The message says why; show the order as it is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOrder:
    """An order as it was.

    `when` is the version or moment as text, `versions` are the versions of the events that count. It is `restorable` if
    the request named a version and no moment.
    """

    order: StaffOrder
    when: str
    versions: frozenset[int]
    restorable: bool


def read_history(order_id: UUID) -> list[Recorded[Any]]:
    """Return the order's facts from the log, oldest first. A damaged event is a `Damaged`."""
    return store.read_stream(order_id, tolerant=True)


def past_order(order: StaffOrder, facts: list[Recorded[Any]], params: Mapping[str, Any]) -> PastOrder | None:
    """Return the order at the `version`, `as_of` or `recorded_by` of `params`, or None if they mean the order now.

    `facts` are the order's whole history. Raises NoSuchPast.
    """
    limits = {name: str(params[name]) for name in ("version", "as_of", "recorded_by") if params.get(name)}
    if not limits or limits == {"version": str(order.version)}:
        return None
    try:
        version = _version_number(limits["version"]) if "version" in limits else None
        as_of, recorded_by = (
            timetravel.parse_moment(limits[name]) if name in limits else None for name in ("as_of", "recorded_by")
        )
        limit = AsOf(version=version, occurred=as_of, recorded=recorded_by)
        past = timetravel.load_as_of(order.order_id, limit, stream=_readable(facts)).facts
        row = PROJECTIONS["staff"].row_as_of(StaffOrder, order.order_id, past)
    except ValueError as error:
        raise NoSuchPast(f"{error}. The order is shown as it is now.") from error
    except UNREADABLE as error:
        raise NoSuchPast(f"The past order cannot be shown: {error}. The order is shown as it is now.") from error
    except AggregateNotFound as error:
        raise NoSuchPast(
            "The order did not exist then, or never had that version. The order is shown as it is now."
        ) from error
    return PastOrder(
        order=row,
        when=limit.in_words,
        versions=frozenset(fact.version for fact in past),
        restorable=list(limits) == ["version"],
    )


def _version_number(text: str) -> int:
    try:
        return parse_whole(text, least=1, most=MOST_VERSION)
    except ValueError as error:
        raise ValueError(f"{text[:50]!r} is not a version; a version is a whole number, such as 3") from error


def _readable(facts: list[Recorded[Any]]) -> list[Recorded[Any]]:
    """Return the facts. Raises the error of the first damaged event, as a strict read does."""
    for fact in facts:
        if isinstance(fact.event, Damaged):
            raise fact.event.error
    return facts


def timeline(facts: Sequence[Recorded[Any]]) -> list[dict[str, Any]]:
    """Return an entry for each fact of an order, newest first."""
    return [
        {
            "version": fact.version,
            "text": _describe_damage(fact.event) if isinstance(fact.event, Damaged) else describe(fact.event).staff,
            "event": fact.event,
            "is_note": isinstance(fact.event, NoteAdded),
            "actor": actor_in_words(fact.metadata.actor),
            "occurred_at": fact.occurred_at,
            "recorded_at": fact.timestamp if fact.metadata.occurred_at else None,
            "synthetic": fact.metadata.extra.get("synthetic", ""),
            "url": reverse("admin:eventstore_event_change", args=[fact.position]),
            "raw": _raw_json(fact),
        }
        for fact in reversed(facts)
    ]


def hold_entry(entries: Sequence[dict[str, Any]], version: int) -> dict[str, Any] | None:
    """Return the timeline entry that put the order on hold, as of `version`. None if that event is damaged."""
    return next(
        (entry for entry in entries if entry["version"] <= version and isinstance(entry["event"], OrderHeld)), None
    )


def _describe_damage(damaged: Damaged) -> str:
    return f"{damaged.event_type} cannot be read: {damaged.error}"


def _raw_json(fact: Recorded[Any]) -> str:
    """Return the event and its metadata as JSON; of a damaged event, the error, which quotes the stored data."""
    event = str(fact.event.error) if isinstance(fact.event, Damaged) else json.loads(codec.encode(fact.event))
    raw = {"event": event, "metadata": json.loads(codec.encode(fact.metadata))}
    return json.dumps(raw, indent=2, ensure_ascii=False)
