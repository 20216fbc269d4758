"""Put a second set of tables in the place of the live ones, in one short transaction, and keep those it replaced."""

import time
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg import errors as pg

from eventstore.sharding import shard_of
from projections.engine.catch_up import write_checkpoints
from projections.engine.checkpoints import LIVE, Checkpoint, DriftFlag, ParkedEvent, checkpoint_name
from projections.engine.projection import Projection
from projections.reading import row_cache
from projections.rebuild import schemas
from projections.rebuild.compare import hold_level

SWAP_ATTEMPTS = 50
SWAP_LOCK_TIMEOUT = "200ms"  # how long readers may queue behind the swap before it steps back and tries again
SWAP_PAUSE = 0.05  # seconds between two attempts, for those readers


class SwapTimedOut(RuntimeError):
    """Some transaction held the live tables for too long. The new ones are complete: run the rebuild again to swap."""


def replaced_space(projection: Projection) -> str:
    """Where the tables are that the last swap replaced."""
    return f"replaced_{projection.name}"


def swap(projection: Projection, space: str, *, of: int | None = None) -> None:
    """The tables of `space` are the live ones from now on; the live ones are kept as they stand. Raises SwapTimedOut,
    NotLevel.

    `of` is into how many shards the projection is divided then; as many as it was by default.
    """
    for _ in range(SWAP_ATTEMPTS):
        try:
            with transaction.atomic():
                position = hold_level(projection, space)
                _move_tables(projection, space)
                _move_checkpoints(projection, space, position, of)
                DriftFlag.objects.filter(projection=projection.name).delete()
                if projection.cached:
                    row_cache.invalidate_all(projection.name)  # before: later reads use a new epoch
                    transaction.on_commit(lambda: row_cache.invalidate_all(projection.name), robust=True)
            return
        except OperationalError as error:
            if not isinstance(error.__cause__, pg.LockNotAvailable):
                raise
            time.sleep(SWAP_PAUSE)
    raise SwapTimedOut(f"{projection.name}: the live tables were in use; run the rebuild again to swap")


def _move_tables(projection: Projection, space: str) -> None:
    replaced, retiring = replaced_space(projection), f"retiring_{projection.name}"
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{SWAP_LOCK_TIMEOUT}'")
        cursor.execute(f"CREATE SCHEMA {retiring}")
        for model in projection.tables:
            table = model._meta.db_table
            cursor.execute(f"ALTER TABLE public.{table} SET SCHEMA {retiring}")
            cursor.execute(f"ALTER TABLE {space}.{table} SET SCHEMA public")
        cursor.execute(f"DROP SCHEMA {space}")
        cursor.execute(f"DROP SCHEMA IF EXISTS {replaced} CASCADE")
        cursor.execute(f"ALTER SCHEMA {retiring} RENAME TO {replaced}")


def _move_checkpoints(projection: Projection, space: str, position: int, of: int | None) -> None:
    """All stand at one position, so they may be divided anew on the way."""
    replaced = replaced_space(projection)
    marks = Checkpoint.objects.filter(projection=projection.name)
    parked = ParkedEvent.objects.filter(projection=projection.name)
    live = list(marks.filter(space=LIVE))
    events = sum(marks.filter(space=space).values_list("events", flat=True))
    built = marks.filter(space=space).earliest("shard")
    if replaced != space:  # those that were replaced before are gone now
        marks.filter(space=replaced).delete()
        parked.filter(space=replaced).delete()
    adopted = list(parked.filter(space=space))
    marks.filter(space=space).delete()
    parked.filter(space=LIVE).update(space=replaced)
    for mark in live:
        renamed = checkpoint_name(projection.name, mark.shard, replaced)
        marks.filter(pk=mark.pk).update(name=renamed, space=replaced, held_until=None)
    of = of or len(live)
    kept: dict[str, Any] = {"position": position, "level_at": built.level_at, "rebuild_wanted": built.rebuild_wanted}
    write_checkpoints(projection, of, **kept)
    marks.filter(name=checkpoint_name(projection.name, 0)).update(events=events)
    for event in adopted:
        event.space, event.shard = LIVE, shard_of(event.aggregate_id, of)
    ParkedEvent.objects.bulk_update(adopted, ["space", "shard"])


def drop_replaced(projection: Projection) -> None:
    schemas.drop(projection, replaced_space(projection))
