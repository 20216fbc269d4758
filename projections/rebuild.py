"""Build a projection anew beside the live tables, compare, and swap in one short transaction.

The second tables stand in a schema of their own and are made, filled and indexed by the unmodified code: only the
search path differs. Readers and writers of the live tables go on throughout.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import OperationalError, connection, models, transaction
from psycopg import errors as pg

from eventstore import store
from projections import cached, spaces
from projections.checkpoints import LIVE, Checkpoint, ParkedEvent, checkpoint_name
from projections.engine import Work, advance, begin, catch_up, shards
from projections.projection import Projection

SWAP_ATTEMPTS = 50
LEVEL_SECONDS = 5.0  # how long the live projection may be held still until both stand at one position
SWAP_LOCK_TIMEOUT = "200ms"  # how long readers may queue behind the swap before it steps back and tries again


class RebuildRunning(RuntimeError):
    """Another rebuild of this projection is at work. Wait for it, or end it; what it has done is kept."""


class SwapTimedOut(RuntimeError):
    """Some transaction held the live tables for too long. The new ones are complete: run the rebuild again to swap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How a rebuilt table differs from the live one."""

    table: str
    rows: int
    added: int
    removed: int
    changed: int

    @property
    def identical(self) -> bool:
        return not (self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild did."""

    events: int
    differences: list[Difference]
    parked: int
    swapped: bool


def rebuild(
    projection: Projection, *, dry_run: bool = False, progress: Callable[[int, int], None] = lambda done, of: None
) -> Rebuilt:
    """Rebuild `projection` from the whole log; with `dry_run` compare and report only.

    A rebuild that was broken off goes on where it stood. `progress(position, latest)` is called after each batch.
    Raises RebuildRunning, SwapTimedOut.
    """
    shadow = f"rebuild_{projection.name}"
    with _alone(shadow):
        _begin(projection, shadow)
        events = 0
        level = False
        while not level:
            steps = [advance(projection, number, Work(space=shadow)) for number in shards(projection, shadow)]
            events, level = events + sum(step.events for step in steps), all(step.level for step in steps)
            position = min(step.position for step in steps)
            progress(position, max(position, store.latest_position()))
        spaces.create_indexes(projection, shadow)
        differences = _compare(projection, shadow)
        parked = ParkedEvent.objects.filter(projection=projection.name, space=shadow).count()
        if dry_run:
            spaces.drop(projection, shadow)
        else:
            _swap(projection, shadow)
    return Rebuilt(events=events, differences=differences, parked=parked, swapped=not dry_run)


@contextmanager
def _alone(shadow: str) -> Iterator[None]:
    """One rebuild of a projection at a time: a second one would find its schema gone and meet the live tables."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [shadow])
        if not cursor.fetchone()[0]:
            raise RebuildRunning(f"{shadow} is being built already")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [shadow])


def _begin(projection: Projection, shadow: str) -> None:
    """Makes the empty tables, unless a broken-off rebuild by this very code left them."""
    marks = list(Checkpoint.objects.filter(projection=projection.name, space=shadow))
    is_ours = all(
        (mark.code_version, mark.event_types) == (projection.version, projection.event_types) for mark in marks
    )
    if not (marks and is_ours and spaces.exists(shadow) and spaces.fits(projection, shadow)):
        with transaction.atomic():
            spaces.drop(projection, shadow)
            spaces.create(projection, shadow)
            begin(projection, len(shards(projection)), space=shadow)


def _compare(projection: Projection, shadow: str) -> list[Difference]:
    """Brings both to one position and compares them row by row; the live projection stands still meanwhile."""
    with transaction.atomic():
        _hold_level(projection, shadow)
        return [_difference(model, shadow) for model in projection.tables]


def _hold_level(projection: Projection, shadow: str) -> None:
    """Locks the live checkpoint until the transaction ends, and brings both to the very same position.

    The new tables may be ahead by what was settled a moment ago: then the live ones follow.
    """
    shards(projection)
    marks = list(Checkpoint.objects.select_for_update().filter(projection=projection.name, space=LIVE).order_by("name"))
    for mark in marks:  # a handler or a version that was taken back on purpose is let go here, and only here
        mark.event_types = [name for name in mark.event_types if name in projection.event_types]
        mark.code_version = min(mark.code_version, projection.version)
        mark.save(update_fields=["event_types", "code_version"])
    deadline = time.monotonic() + LEVEL_SECONDS
    while True:
        through = _level_live(projection)
        built = catch_up(projection, space=shadow, through=through)
        if built.position == through:
            return
        if time.monotonic() > deadline:
            raise SwapTimedOut(f"{projection.name}: a writer holds the log back; run the rebuild again to swap")
        time.sleep(0.01)


def _level_live(projection: Projection) -> int:
    """Every live shard at one position, which is returned."""
    catch_up(projection)
    positions = Checkpoint.objects.filter(projection=projection.name, space=LIVE).values_list("position", flat=True)
    furthest = max(positions)
    catch_up(projection, through=furthest)
    return furthest


def _swap(projection: Projection, shadow: str) -> None:
    for _ in range(SWAP_ATTEMPTS):
        try:
            with transaction.atomic():
                _hold_level(projection, shadow)
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = '{SWAP_LOCK_TIMEOUT}'")
                    for model in projection.tables:
                        cursor.execute(f"DROP TABLE {model._meta.db_table}")
                        cursor.execute(f"ALTER TABLE {shadow}.{model._meta.db_table} SET SCHEMA public")
                _adopt(projection, shadow)
                spaces.drop(projection, shadow)
                if projection.cached:
                    cached.forget_all(projection.name)
                    transaction.on_commit(lambda: cached.forget_all(projection.name), robust=True)
                return
        except OperationalError as error:
            if not isinstance(error.__cause__, pg.LockNotAvailable):
                raise
    raise SwapTimedOut(f"{projection.name}: the live tables were in use; run the rebuild again to swap")


def _adopt(projection: Projection, shadow: str) -> None:
    """Both stand at one position; the checkpoints and parked events of the rebuilt tables are the live ones now."""
    Checkpoint.objects.filter(projection=projection.name, space=LIVE).delete()
    for mark in Checkpoint.objects.filter(projection=projection.name, space=shadow):
        Checkpoint.objects.filter(pk=mark.pk).update(name=checkpoint_name(projection.name, mark.shard), space=LIVE)
    ParkedEvent.objects.filter(projection=projection.name, space=LIVE).delete()
    ParkedEvent.objects.filter(projection=projection.name, space=shadow).update(space=LIVE)


def _difference(model: type[models.Model], shadow: str) -> Difference:
    table, key = model._meta.db_table, model._meta.pk.column
    columns = [str(field.column) for field in model._meta.concrete_fields]  # by name: their order may differ
    live, built = (", ".join(f"{side}.{column}" for column in columns) for side in ("live", "built"))
    with connection.cursor() as cursor:
        cursor.execute(f"""
            SELECT (SELECT count(*) FROM {shadow}.{table}),
                   count(*) FILTER (WHERE live.{key} IS NULL),
                   count(*) FILTER (WHERE built.{key} IS NULL),
                   count(*) FILTER (WHERE live.{key} = built.{key})
              FROM public.{table} live
              FULL JOIN {shadow}.{table} built ON built.{key} = live.{key}
             WHERE ({live}) IS DISTINCT FROM ({built})""")
        rows, added, removed, changed = cursor.fetchone()
    return Difference(table=table, rows=rows, added=added, removed=removed, changed=changed)
