"""How a second set of tables differs from the live one, at one and the same position of the log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from projections.engine.catch_up import catch_up, lock_checkpoints, shard_numbers
from projections.engine.checkpoints import LIVE, Checkpoint
from projections.engine.projection import Projection

LEVEL_SECONDS = 5.0  # how long the live projection may be held still until both stand at one position
HOLD = timedelta(seconds=5)  # after which workers go on even where whoever held them died
SAMPLES = 5  # rows of each table that are named


class NotLevel(RuntimeError):
    """A writer held the log back, or a hold ran out. What was built is kept: try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How a rebuilt table differs from the live one; `samples` names some rows, and what differs in them."""

    table: str
    rows: int
    added: int
    removed: int
    changed: int
    samples: list[str] = field(default_factory=list)

    @property
    def identical(self) -> bool:
        return not (self.added or self.removed or self.changed)


def compare(projection: Projection, space: str) -> list[Difference]:
    """Every row of every table, in one snapshot in which both stand at the same position. Raises NotLevel.

    The live projection is held still only until the snapshot is taken, not while it is read.
    """
    with _snapshot(projection, space):
        return [_difference(model, space) for model in projection.tables]


def hold_level(projection: Projection, space: str) -> int:
    """Locks the live checkpoints until the transaction ends, and brings both sets to one position. Raises NotLevel.

    The new tables may be ahead by what was settled a moment ago: then the live ones follow.
    """
    shard_numbers(projection)
    for mark in lock_checkpoints(projection):  # what was taken back on purpose is let go here, and only here
        mark.event_types = [name for name in mark.event_types if name in projection.event_types]
        mark.code_version, mark.held_until = min(mark.code_version, projection.version), None
        mark.save(update_fields=["event_types", "code_version", "held_until"])
    deadline = time.monotonic() + LEVEL_SECONDS
    while True:
        catch_up(projection)
        through = max(_positions(projection, LIVE) + _positions(projection, space))
        reached = [catch_up(projection, space=each, through=through) for each in (LIVE, space)]
        if all(position == through for each in (LIVE, space) for position in _positions(projection, each)):
            return through
        if time.monotonic() > deadline:
            raise NotLevel(f"{projection.name}: a writer holds the log back at {reached[0].position}; try again")
        time.sleep(0.01)


@contextmanager
def _snapshot(projection: Projection, space: str) -> Iterator[None]:
    with transaction.atomic():
        through = hold_level(projection, space)
        live = Checkpoint.objects.filter(projection=projection.name, space=LIVE)
        live.update(held_until=timezone.now() + HOLD)
    release = connection.copy()
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            positions = _positions(projection, LIVE) + _positions(projection, space)
            with release.cursor() as cursor:
                cursor.execute(
                    "UPDATE projections_checkpoint SET held_until = NULL WHERE projection = %s AND space = ''",
                    [projection.name],
                )
            if set(positions) != {through}:
                raise NotLevel(f"{projection.name} went on before it could be looked at; try again")
            yield
    finally:
        release.close()


def _positions(projection: Projection, space: str) -> list[int]:
    found = Checkpoint.objects.filter(projection=projection.name, space=space)
    return list(found.values_list("position", flat=True))


def _difference(model: type[models.Model], space: str) -> Difference:
    table, key = model._meta.db_table, model._meta.pk.column
    columns = [str(each.column) for each in model._meta.concrete_fields]  # by name: their order may differ
    live, built = (", ".join(f"{side}.{column}" for column in columns) for side in ("live", "built"))
    both = f"""
          FROM public.{table} live
          FULL JOIN {space}.{table} built ON built.{key} = live.{key}
         WHERE ({live}) IS DISTINCT FROM ({built})"""
    with connection.cursor() as cursor:
        cursor.execute(f"""
            SELECT (SELECT count(*) FROM {space}.{table}),
                   count(*) FILTER (WHERE live.{key} IS NULL),
                   count(*) FILTER (WHERE built.{key} IS NULL),
                   count(*) FILTER (WHERE live.{key} = built.{key}) {both}""")
        rows, added, removed, changed = cursor.fetchone() or (0, 0, 0, 0)
        samples: list[Any] = []
        if added or removed or changed:
            named = ", ".join(
                f"CASE WHEN live.{each} IS DISTINCT FROM built.{each} THEN '{each}' END" for each in columns
            )
            cursor.execute(
                f"SELECT live.{key} IS NULL, built.{key} IS NULL, coalesce(live.{key}, built.{key})::text,"
                f" array_remove(ARRAY[{named}], NULL) {both} LIMIT {SAMPLES}"
            )
            samples = cursor.fetchall()
    return Difference(
        table=table,
        rows=rows,
        added=added,
        removed=removed,
        changed=changed,
        samples=[_in_words(*sample) for sample in samples],
    )


def _in_words(is_added: bool, is_removed: bool, key: str, columns: list[str]) -> str:
    what = "added" if is_added else "removed" if is_removed else f"changed in {', '.join(columns)}"
    return f"{key}: {what}"
