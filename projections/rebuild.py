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
from projections.checkpoints import Checkpoint, ParkedEvent
from projections.engine import Projection, advance, catch_up

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
        indexes = _create_tables(projection, shadow)
        events = 0
        level = False
        while not level:
            with _inside(shadow):
                step = advance(projection, checkpoint=shadow)
            events, level = events + step.events, step.level
            progress(step.position, max(step.position, store.latest_position()))
        _create_indexes(indexes, shadow)
        differences = _compare(projection, shadow)
        parked = ParkedEvent.objects.filter(projection=shadow).count()
        if dry_run:
            _drop(shadow)
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


def _create_tables(projection: Projection, shadow: str) -> list[str]:
    """Makes the empty tables, unless a broken-off rebuild left them; returns the indexes to make after the load."""
    with connection.schema_editor(collect_sql=True) as editor:
        for model in projection.tables:
            editor.create_model(model)
        tables = [str(statement) for statement in editor.collected_sql]
    statements = [str(statement) for statement in editor.collected_sql]
    if not _is_whole(projection, shadow):
        with transaction.atomic(), connection.cursor() as cursor:
            _drop(shadow)
            cursor.execute(f"CREATE SCHEMA {shadow}")
            Checkpoint.objects.create(name=shadow, event_types=projection.event_types)
            with _inside(shadow):
                for statement in tables:
                    cursor.execute(statement)
    return statements[len(tables) :]


def _is_whole(projection: Projection, shadow: str) -> bool:
    """Whether a rebuild that was broken off left a checkpoint of this code's and every table."""
    mark = Checkpoint.objects.filter(name=shadow).first()
    if mark is None or mark.event_types != projection.event_types:
        return False
    with connection.cursor() as cursor:
        names = [f"{shadow}.{model._meta.db_table}" for model in projection.tables]
        cursor.execute("SELECT bool_and(to_regclass(name) IS NOT NULL) FROM unnest(%s::text[]) name", [names])
        return bool(cursor.fetchone()[0])


def _create_indexes(statements: list[str], shadow: str) -> None:
    with _inside(shadow), connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE schemaname = %s", [shadow])
        made = [f'"{name}"' for (name,) in cursor.fetchall()]  # by a rebuild that was broken off after this step
        for statement in statements:
            if not any(name in statement for name in made):
                cursor.execute(statement)


def _compare(projection: Projection, shadow: str) -> list[Difference]:
    """Brings both to one position and compares them row by row; the live projection stands still meanwhile."""
    with transaction.atomic():
        _hold_level(projection, shadow)
        return [_difference(model, shadow) for model in projection.tables]


def _hold_level(projection: Projection, shadow: str) -> None:
    """Locks the live checkpoint until the transaction ends, and brings both to the very same position.

    The new tables may be ahead by what was settled a moment ago: then the live ones follow.
    """
    Checkpoint.objects.get_or_create(name=projection.name)
    mark = Checkpoint.objects.select_for_update().get(name=projection.name)
    # A handler that was removed on purpose is let go here, and only here.
    mark.event_types = [name for name in mark.event_types if name in projection.event_types]
    mark.save(update_fields=["event_types"])
    deadline = time.monotonic() + LEVEL_SECONDS
    while True:
        live = catch_up(projection)
        with _inside(shadow):
            built = catch_up(projection, checkpoint=shadow, through=live.position)
        if built.position == live.position:
            return
        if time.monotonic() > deadline:
            raise SwapTimedOut(f"{projection.name}: a writer holds the log back; run the rebuild again to swap")
        time.sleep(0.01)


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
                _drop(shadow)
                return
        except OperationalError as error:
            if not isinstance(error.__cause__, pg.LockNotAvailable):
                raise
    raise SwapTimedOut(f"{projection.name}: the live tables were in use; run the rebuild again to swap")


def _adopt(projection: Projection, shadow: str) -> None:
    """Both stand at one position; what else the rebuild knows better, it hands over."""
    Checkpoint.objects.filter(name=projection.name).update(event_types=projection.event_types, last_error="")
    ParkedEvent.objects.filter(projection=projection.name).delete()
    ParkedEvent.objects.filter(projection=shadow).update(projection=projection.name)


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


def _drop(shadow: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {shadow} CASCADE")
        Checkpoint.objects.filter(name=shadow).delete()
        ParkedEvent.objects.filter(projection=shadow).delete()


@contextmanager
def _inside(schema: str) -> Iterator[None]:
    """A transaction in which tables are looked for in `schema` first."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s)", [schema])
        if cursor.fetchone()[0] is None:  # PostgreSQL would pass over it in silence, and meet the live tables
            raise LookupError(f"the schema {schema} is gone")
        cursor.execute(f"SET LOCAL search_path TO {schema}, public")
        yield
        cursor.execute("SET LOCAL search_path TO DEFAULT")
