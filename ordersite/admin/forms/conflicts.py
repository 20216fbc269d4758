"""What happened to an aggregate since a person opened a form about it: when, by whom, and what."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from eventstore import store
from eventstore.admin.pages import actor_in_words
from eventstore.records import type_name
from orders.events import OrderEvent
from projections.order_timeline import describe


@dataclass(frozen=True, kw_only=True)
class Change:
    """An event after the version that a person saw. `what` is a sentence for staff."""

    version: int
    when: datetime
    who: str
    what: str

    def __str__(self) -> str:
        return f"{self.what} ({self.who})"


def changes_since(aggregate_id: UUID, version: int) -> list[Change]:
    """Return what happened to an aggregate after `version`, oldest first."""
    return [
        Change(
            version=fact.version,
            when=fact.occurred_at,
            who=actor_in_words(fact.metadata.actor),
            what=_in_words(fact.event),
        )
        for fact in store.read_stream(aggregate_id, after_version=version, tolerant=True)
    ]


def _in_words(event: Any) -> str:
    """Return an order's event as its timeline describes it, and any other by its name: "Money deposited"."""
    if isinstance(event, get_args(OrderEvent)):
        return describe(event).staff
    return type_name(event).partition(".")[2].replace("_", " ").capitalize()
