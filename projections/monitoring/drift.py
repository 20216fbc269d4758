"""Drift: find live rows that differ from what their events make. Aggregates are folded again and compared.

A difference may last only a moment, so a row is compared again, after its projection caught up, before it is reported.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction

from eventstore import store
from eventstore.store import Recorded
from projections.engine import row_storage
from projections.engine.catch_up import catch_up, shard_numbers
from projections.engine.checkpoints import LIVE, Checkpoint, DriftFlag, ParkedEvent, SkippedEvent
from projections.engine.projection import Projection
from projections.engine.shared_folds import keeping_folds

log = logging.getLogger(__name__)

ATTEMPTS = 3  # comparisons of a row before its difference is reported
PAUSE_SECONDS = 0.2  # between two of them
CHUNK = 200  # aggregates compared in one snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """A row or an invariant that does not follow from the log.

    `where` names the table and the key of the row, or the invariant; `words` says how it differs.
    """

    projection: str
    where: str
    words: str
    aggregate_id: UUID | None = None

    def __str__(self) -> str:
        return f"{self.projection}: {self.where}: {self.words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The result of a check: how many aggregates were compared, and what differs."""

    aggregates: int
    drifted: list[Drifted]


Differences = dict[UUID, list[Drifted]]
"""The differences of each aggregate that has some."""


def check(projection: Projection, aggregate_ids: Iterable[UUID]) -> Checked:
    """Fold these aggregates again, compare with their live rows, and check the projection's invariants."""
    return check_together([projection], aggregate_ids)[projection.name]


def check_together(projections: Sequence[Projection], aggregate_ids: Iterable[UUID]) -> dict[str, Checked]:
    """Check several projections as `check` does, by name. Each aggregate is read and folded once for all of them."""
    for projection in projections:
        shard_numbers(projection)  # creates the checkpoints if the projection never ran
    ids = iter(aggregate_ids)
    count = 0
    drifted: dict[str, list[Drifted]] = {projection.name: [] for projection in projections}
    while chunk := list(islice(ids, CHUNK)):
        count += len(chunk)
        for projection, suspects in _differences(projections, chunk).items():
            drifted[projection.name] += _persistent(projection, suspects)
    for projection in projections:
        drifted[projection.name] += _broken_invariants(projection)
    return {name: Checked(aggregates=count, drifted=each) for name, each in drifted.items()}


def _persistent(projection: Projection, differences: Differences) -> list[Drifted]:
    """Return the differences of those aggregates that differ at every attempt; `differences` are those at the first."""
    for _ in range(ATTEMPTS - 1):
        if not differences:
            return []
        catch_up(projection)
        time.sleep(PAUSE_SECONDS)
        differences = _differences([projection], list(differences))[projection]
    return [drifted for each in differences.values() for drifted in each]


def _differences(projections: Sequence[Projection], aggregate_ids: list[UUID]) -> dict[Projection, Differences]:
    """Return the differences by projection and aggregate, without aggregates that do not differ.

    All is read in one snapshot, in which rows and checkpoints belong together.
    """
    with read_only_snapshot(), keeping_folds():
        streams = store.read_streams(aggregate_ids, tolerant=True)
        return {projection: _differences_of(projection, streams) for projection in projections}


def _differences_of(projection: Projection, streams: Mapping[UUID, list[Recorded[Any]]]) -> Differences:
    checkpoints = list(Checkpoint.objects.filter(projection=projection.name, space=LIVE))
    parked, skipped = _left_out(projection, list(streams))
    expected: dict[type[models.Model], list[tuple[UUID, models.Model]]] = {}
    for aggregate_id, stream in streams.items():
        reached = next(
            each.position for each in checkpoints if projection.shard(each.shard, each.of).holds(aggregate_id)
        )
        facts = [fact for fact in stream if fact.position <= reached and fact.position not in parked]
        rows = projection.rows_as_of(facts, skipped=skipped)
        for row in (*rows.changed(), *rows.journalled()):
            expected.setdefault(type(row), []).append((aggregate_id, row))
    found: Differences = {}
    for model, made in expected.items():
        stored = row_storage.load(model, [row.pk for _, row in made])
        for aggregate_id, row in made:
            if words := _difference(row, stored.get(row.pk)):
                where = f"{row._meta.db_table} {row.pk}"
                drifted = Drifted(projection=projection.name, where=where, words=words, aggregate_id=aggregate_id)
                found.setdefault(aggregate_id, []).append(drifted)
    return found


def _left_out(projection: Projection, aggregate_ids: list[UUID]) -> tuple[set[int], set[int]]:
    """Return the positions of parked events, which rows do not show, and of skipped ones, which only raise versions."""
    parked, skipped = (
        set(model.filter(projection=projection.name, aggregate_id__in=aggregate_ids).values_list("position", flat=True))
        for model in (ParkedEvent.objects.filter(space=LIVE), SkippedEvent.objects.all())
    )
    return parked, skipped


def _difference(expected: models.Model, stored: models.Model | None) -> str:
    """Return in words how the stored row differs; empty if it does not."""
    if stored is None:
        return "is missing"
    names = (field.attname for field in expected._meta.concrete_fields if field.attname != "behind")
    wrong = [
        f"{name} is {getattr(stored, name)!r} and should be {getattr(expected, name)!r}"
        for name in names
        if getattr(stored, name) != getattr(expected, name)
    ]
    return "; ".join(wrong)


def _broken_invariants(projection: Projection) -> list[Drifted]:
    """Return the invariants whose two sides are not equal."""
    with read_only_snapshot():
        return [
            Drifted(
                projection=projection.name, where=invariant.words, words=f"{invariant.left!r} and {invariant.right!r}"
            )
            for invariant in projection.invariants()
            if not invariant.holds
        ]


@contextmanager
def read_only_snapshot() -> Iterator[None]:
    """Open a read-only transaction whose queries all see the same moment."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def look_for_drift(projection: Projection, *, count: int) -> Checked:
    """Check `count` aggregates at random and those with flags; add flags for what differs and delete the others."""
    flags = DriftFlag.objects.filter(projection=projection.name, missing=None)
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
