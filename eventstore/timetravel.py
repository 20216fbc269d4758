"""An aggregate as it was: at a version, by what was recorded by a moment, or by what had happened by a moment."""

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any
from uuid import UUID

from eventstore import store
from eventstore.decider import decider_named
from eventstore.errors import AggregateNotFound
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

    def includes(self, fact: Recorded[Any]) -> bool:
        return (
            (self.version is None or fact.version <= self.version)
            and (self.recorded is None or fact.timestamp <= self.recorded)
            and (self.occurred is None or fact.occurred_at <= self.occurred)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An aggregate as it was: the facts that count, oldest first, and the state they make."""

    facts: list[Recorded[Any]]
    state: Any

    @property
    def version(self) -> int:
        return self.facts[-1].version


def load(aggregate_id: UUID, as_of: AsOf) -> Past:
    """An aggregate as of a version or moment. Raises AggregateNotFound where nothing was known of it then."""
    facts = [fact for fact in store.read_stream(aggregate_id) if as_of.includes(fact)]
    if not facts:
        raise AggregateNotFound("not_found", f"nothing was known of {aggregate_id} then")
    decider = decider_named(facts[0].aggregate_type)
    return Past(facts=facts, state=reduce(decider.evolve, (fact.event for fact in facts), decider.initial))
