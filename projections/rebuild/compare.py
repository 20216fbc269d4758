"""Compare a second set of a projection's tables with the live one, both at the same position of the log."""

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
from projections.rebuild import schemas

ALIGN_SECONDS = 5.0  # how long the live projection may be locked until both sets are at one position
HOLD = timedelta(seconds=5)  # after this workers go on, even if the process that compares has died
SAMPLES = 5  # differing rows of each table that are named


class NotAligned(RuntimeError):
    """The two sets of tables could not be brought to one position in time. What was built is kept: try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How a rebuilt table differs from the live one.

    `rows` counts the rebuilt rows. `added`, `removed` and `changed` count the rows that a swap would add, remove and
    change. `samples` names some of them, with the columns that differ.
    """

    table: str
    rows: int
    added: int
    removed: int
    changed: int
    samples: list[str] = field(default_factory=list)

    @property
    def identical(self) -> bool:
        """Whether all rows are equal."""
        return not (self.added or self.removed or self.changed)


def compare(projection: Projection, space: str) -> list[Difference]:
    """Compare every row of every table, in one snapshot in which both sets are at the same position.

    The live projection is held still only until the snapshot is taken, not while it is read. Raises NotAligned.
    """
    with _snapshot(projection, space):
        return [_difference(model, space) for model in projection.tables]


def lock_and_align(projection: Projection, space: str) -> int:
    """Lock the live checkpoints until the transaction ends, bring both sets to one position, and return it.

    The new tables may be ahead by a few events that were settled a moment ago. The live tables then catch up with them.
    Raises NotAligned.
    """
    shard_numbers(projection)  # creates the checkpoints if the projection never ran
    # Here, and only here, the checkpoints forget handlers and versions that were removed on purpose.
    for checkpoint in lock_checkpoints(projection):
        checkpoint.event_types = [name for name in checkpoint.event_types if name in projection.event_types]
        checkpoint.code_version, checkpoint.held_until = min(checkpoint.code_version, projection.version), None
        checkpoint.save(update_fields=["event_types", "code_version", "held_until"])
    deadline = time.monotonic() + ALIGN_SECONDS
    while True:
        catch_up(projection)
        through = max(_positions(projection, LIVE) + _positions(projection, space))
        reached = [catch_up(projection, space=each, through=through) for each in (LIVE, space)]
        if all(position == through for each in (LIVE, space) for position in _positions(projection, each)):
            return through
        if time.monotonic() > deadline:
            raise NotAligned(
                f"{projection.name}: an open transaction holds back the log at {reached[0].position}; try again"
            )
        time.sleep(0.01)


@contextmanager
def _snapshot(projection: Projection, space: str) -> Iterator[None]:
    """Yield in a transaction that sees both sets of tables at one position, while workers go on."""
    with transaction.atomic():
        through = lock_and_align(projection, space)
        live = Checkpoint.objects.filter(projection=projection.name, space=LIVE)
        live.update(held_until=timezone.now() + HOLD)
    release = connection.copy()  # a second connection, whose commit ends the hold while the snapshot stays open
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
                raise NotAligned(f"{projection.name} moved on before the comparison began; try again")
            yield
    finally:
        release.close()


def _positions(projection: Projection, space: str) -> list[int]:
    checkpoints = Checkpoint.objects.filter(projection=projection.name, space=space)
    return list(checkpoints.values_list("position", flat=True))


def _difference(model: type[models.Model], space: str) -> Difference:
    table, key = model._meta.db_table, model._meta.pk.column
    live_table, built_table = schemas.table_in(LIVE, model), schemas.table_in(space, model)
    columns = [str(each.column) for each in model._meta.concrete_fields]  # named, because their order may differ
    live, built = (", ".join(f"{side}.{column}" for column in columns) for side in ("live", "built"))
    both = f"""
          FROM {live_table} live
          FULL JOIN {built_table} built ON built.{key} = live.{key}
         WHERE ({live}) IS DISTINCT FROM ({built})"""
    with connection.cursor() as cursor:
        cursor.execute(f"""
            SELECT (SELECT count(*) FROM {built_table}),
                   count(*) FILTER (WHERE live.{key} IS NULL),
                   count(*) FILTER (WHERE built.{key} IS NULL),
                   count(*) FILTER (WHERE live.{key} = built.{key}) {both}""")
        rows, added, removed, changed = cursor.fetchone() or (0, 0, 0, 0)
        samples: list[Any] = []
        if added or removed or changed:
            differing = ", ".join(
                f"CASE WHEN live.{each} IS DISTINCT FROM built.{each} THEN '{each}' END" for each in columns
            )
            cursor.execute(
                f"SELECT live.{key} IS NULL, built.{key} IS NULL, coalesce(live.{key}, built.{key})::text,"
                f" array_remove(ARRAY[{differing}], NULL) {both} LIMIT {SAMPLES}"
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
    change = "added" if is_added else "removed" if is_removed else f"changed in {', '.join(columns)}"
    return f"{key}: {change}"
