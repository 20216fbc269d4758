"""Fold events into rows and write them. An event that cannot be taken is parked, so that the others go on.

A batch that fails is halved until the failing event is found. That event is parked, and so are the later events of its
aggregate. Each attempt is a transaction, so a failed one writes nothing.
"""

import logging
import traceback
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from eventstore.errors import storable_text, summary_of
from eventstore.gc_pause import gc_paused
from eventstore.records import type_name
from eventstore.sharding import WHOLE, Shard
from eventstore.sql import is_failure_of_the_database
from eventstore.store import Recorded
from projections.engine.checkpoints import LIVE, ParkedEvent, SkippedEvent
from projections.engine.projection import Projection
from projections.engine.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)


class HandlerFailed(RuntimeError):
    """A handler cannot take an event, and `strict` asked to stop there instead of parking it. Nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Fold events for one shard of a projection in one space. With `strict`, stop at a failure instead of parking."""

    projection: Projection
    space: str = LIVE
    shard: Shard = WHOLE
    strict: bool = False

    def take(self, facts: list[Recorded[Any]]) -> None:
        """Fold events of this shard, in the order of the log, and write the rows.

        Raises HandlerFailed if `strict`.
        """
        facts = self._without_waiting(facts)
        if facts:
            with gc_paused():
                self._take(facts, self._skipped(facts))

    def _take(self, facts: list[Recorded[Any]], skipped: Collection[int]) -> None:
        try:
            with transaction.atomic():
                ids, new = (
                    {fact.aggregate_id for fact in facts},
                    (each.aggregate_id for each in facts if each.version == 1),
                )
                rows = UnitOfWork(self.projection, ids, self.shard, new=new)
                for fact in facts:
                    if fact.position in skipped:
                        rows.pass_over(fact)
                    else:
                        self.projection.handle(rows, fact)
                rows.write()
        except Exception as error:  # whatever a handler raises, its event is parked
            if is_failure_of_the_database(error):
                raise
            if len(facts) > 1:
                middle = len(facts) // 2
                self._take(facts[:middle], skipped)
                later = self._without_waiting(facts[middle:])
                if later:
                    self._take(later, skipped)
                return
            self._fail(facts[0], error)

    def _fail(self, fact: Recorded[Any], error: Exception) -> None:
        failure = f"cannot take {type_name(fact.event)} at {fact.position} of {fact.aggregate_id}"
        summary = summary_of(error)
        if self.strict:
            raise HandlerFailed(f"{self.projection.name} {failure}: {summary}") from error
        log.error(
            "%s %s: parked",
            self.projection.name,
            failure,
            exc_info=error,
            extra={"projection": self.projection.name, "correlation_id": str(fact.metadata.correlation_id)},
        )
        self._park([fact], storable_text(f"{summary}\n\n{''.join(traceback.format_exception(error))}"))

    def _without_waiting(self, facts: list[Recorded[Any]]) -> list[Recorded[Any]]:
        """Park the facts that come after a parked event of their aggregate, and return the others."""
        if not self._parked().exists():  # nearly always; saves a query with the ids of all aggregates
            return facts
        parked = self._parked().filter(aggregate_id__in={fact.aggregate_id for fact in facts})
        blocked = set(parked.values_list("aggregate_id", flat=True))
        if blocked:
            self._park([fact for fact in facts if fact.aggregate_id in blocked], error="")
        return [fact for fact in facts if fact.aggregate_id not in blocked]

    def _parked(self) -> Any:
        return ParkedEvent.objects.filter(projection=self.projection.name, space=self.space, shard=self.shard.number)

    def _skipped(self, facts: list[Recorded[Any]]) -> set[int]:
        """Return the positions of facts to leave out. They are the same in every space, so that rebuilds agree."""
        skipped = SkippedEvent.objects.filter(projection=self.projection.name)
        within = skipped.filter(position__gte=facts[0].position, position__lte=facts[-1].position)
        return set(within.values_list("position", flat=True))

    def _park(self, facts: list[Recorded[Any]], error: str) -> None:
        ParkedEvent.objects.bulk_create(
            ParkedEvent(
                projection=self.projection.name,
                space=self.space,
                shard=self.shard.number,
                position=fact.position,
                aggregate_id=fact.aggregate_id,
                event_type=type_name(fact.event),
                error=error,
                parked_at=timezone.now(),
            )
            for fact in facts
        )
        self.mark_behind({fact.aggregate_id for fact in facts})

    def mark_behind(self, aggregate_ids: set[UUID], *, behind: bool = True) -> None:
        """Set the column `behind` in all rows of these aggregates."""
        for model in self.projection.row_tables:
            model._default_manager.filter(pk__in=aggregate_ids).exclude(behind=behind).update(behind=behind)
