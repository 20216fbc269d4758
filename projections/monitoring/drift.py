"""Does each row still follow from the log? Refolds aggregates, and compares with what readers are shown.

A difference may be one of a moment: a row is looked at again, after its projection caught up, before it is told.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction

from eventstore import store
from eventstore.store import Recorded
from projections.engine.catch_up import catch_up, shard_numbers
from projections.engine.checkpoints import LIVE, Checkpoint, DriftFlag, ParkedEvent, SkippedEvent
from projections.engine.projection import Projection

log = logging.getLogger(__name__)

LOOKS = 3  # at a row that differs
PAUSE_SECONDS = 0.2  # between two of them
CHUNK = 200  # aggregates refolded in one snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """What does not follow from the log: a row, by table and key, or a invariant between sums; and how it differs."""

    projection: str
    where: str
    words: str
    aggregate_id: UUID | None = None

    def __str__(self) -> str:
        return f"{self.projection}: {self.where}: {self.words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    aggregates: int
    drifted: list[Drifted]


def check(projection: Projection, aggregate_ids: Iterable[UUID]) -> Checked:
    """Refold these aggregates, and compare their rows and the invariants between the sums of all."""
    shard_numbers(projection)  # there are checkpoints from here on, though it never ran
    ids = iter(aggregate_ids)
    count, found = 0, []
    while chunk := list(islice(ids, CHUNK)):
        count += len(chunk)
        found += _persistent(projection, chunk)
    found += _broken_laws(projection)
    return Checked(aggregates=count, drifted=found)


def _persistent(projection: Projection, chunk: list[UUID]) -> list[Drifted]:
    suspects = dict.fromkeys(chunk)
    for attempt in range(LOOKS):
        if attempt:
            catch_up(projection)
            time.sleep(PAUSE_SECONDS)
        found = _differences(projection, list(suspects))
        suspects = dict.fromkeys(found)
        if not suspects:
            return []
    return [drifted for each in found.values() for drifted in each]


def _differences(projection: Projection, aggregate_ids: list[UUID]) -> dict[UUID, list[Drifted]]:
    """In one snapshot, in which rows and checkpoints belong together."""
    with _snapshot():
        reached = {mark.shard: mark for mark in Checkpoint.objects.filter(projection=projection.name, space=LIVE)}
        left_out = _left_out(projection, aggregate_ids)
        compared = {}
        for aggregate_id in aggregate_ids:
            mark = next(mark for mark in reached.values() if projection.shard(mark.shard, mark.of).holds(aggregate_id))
            stream = store.read_stream(aggregate_id, tolerant=True)
            facts = [fact for fact in stream if fact.position <= mark.position and fact.position not in left_out[0]]
            compared[aggregate_id] = list(_compared(projection, facts, left_out[1]))
        return {aggregate_id: found for aggregate_id, found in compared.items() if found}


def _left_out(projection: Projection, aggregate_ids: list[UUID]) -> tuple[set[int], set[int]]:
    """Positions of parked events, which rows do not show, and of skipped ones, which they only count."""
    parked, skipped = (
        set(model.filter(projection=projection.name, aggregate_id__in=aggregate_ids).values_list("position", flat=True))
        for model in (ParkedEvent.objects.filter(space=LIVE), SkippedEvent.objects.all())
    )
    return parked, skipped


def _compared(projection: Projection, facts: list[Recorded[Any]], skipped: set[int]) -> Iterator[Drifted]:
    """What an aggregate's rows and entries ought to be, beside what they are. Counters are for the invariants."""
    if not facts:
        return
    rows = projection.rows_as_of(facts, skipped=skipped)
    for row in (*rows.changed(), *rows.journalled()):
        stored = type(row)._default_manager.using("default").filter(pk=row.pk).first()
        if words := _difference(row, stored):
            where, aggregate_id = f"{row._meta.db_table} {row.pk}", facts[0].aggregate_id
            yield Drifted(projection=projection.name, where=where, words=words, aggregate_id=aggregate_id)


def _difference(expected: models.Model, stored: models.Model | None) -> str:
    if stored is None:
        return "is missing"
    names = (field.attname for field in expected._meta.concrete_fields if field.attname != "behind")
    wrong = [
        f"{name} is {getattr(stored, name)!r} and ought to be {getattr(expected, name)!r}"
        for name in names
        if getattr(stored, name) != getattr(expected, name)
    ]
    return "; ".join(wrong)


def _broken_laws(projection: Projection) -> list[Drifted]:
    with _snapshot():
        return [
            Drifted(
                projection=projection.name, where=invariant.words, words=f"{invariant.left!r} and {invariant.right!r}"
            )
            for invariant in projection.invariants()
            if not invariant.holds
        ]


@contextmanager
def _snapshot() -> Iterator[None]:
    """A transaction that sees one moment."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def look_for_drift(projection: Projection, *, count: int) -> Checked:
    """Check some aggregates and those that were found wrong before; raise a flag for what differs, and strike the rest.

    Raises what `check` raises.
    """
    flags = DriftFlag.objects.filter(projection=projection.name)
    suspects = {flag.aggregate_id for flag in flags if flag.aggregate_id}
    checked = check(projection, store.some_aggregates(count) | suspects)
    with transaction.atomic():
        flags.exclude(where__in=[each.where for each in checked.drifted]).delete()
        for each in checked.drifted:
            log.error("drift: %s", each)
            flags.update_or_create(
                projection=projection.name,
                where=each.where,
                defaults={"aggregate_id": each.aggregate_id, "words": each.words},
            )
    return checked
