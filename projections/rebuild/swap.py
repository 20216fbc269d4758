"""Swap a second set of tables with the live one in one short transaction. The replaced tables are retained."""

import time
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg import errors as pg

from eventstore.sharding import shard_of
from eventstore.storage.leases import Lease
from projections.engine import taken
from projections.engine.catch_up import write_checkpoints
from projections.engine.checkpoints import LIVE, Checkpoint, DriftFlag, ParkedEvent, checkpoint_name
from projections.engine.projection import Projection
from projections.reading import row_cache
from projections.rebuild import schemas
from projections.rebuild.compare import lock_and_align

SWAP_ATTEMPTS = 50
SWAP_LOCK_TIMEOUT = "200ms"  # how long readers may queue behind the swap before it gives up and tries again
SWAP_PAUSE = 0.05  # seconds between two attempts, in which those readers can go on


class SwapTimedOut(RuntimeError):
    """Other transactions kept the live tables locked. The new tables are complete: run the rebuild again to swap."""


def replaced_space(projection: Projection) -> str:
    """Return the space of the tables that the last swap replaced."""
    return f"replaced_{projection.name}"


def swap(projection: Projection, space: str, *, lease: Lease, shard_count: int | None = None) -> None:
    """Make the tables of `space` the live ones, and retain the tables that were live.

    The projection then has `shard_count` shards; by default as many as before. Raises SwapTimedOut, NotAligned,
    LeaseLost.
    """
    for _ in range(SWAP_ATTEMPTS):
        try:
            with transaction.atomic():
                lease.require()
                position = lock_and_align(projection, space)
                _move_tables(projection, space)
                _move_checkpoints(projection, space, position, shard_count)
                DriftFlag.objects.filter(projection=projection.name).delete()
                if projection.cached:
                    row_cache.invalidate_all(projection.name)  # before the commit, so that no old row survives a crash
                    transaction.on_commit(lambda: row_cache.invalidate_all(projection.name), robust=True)
            return
        except OperationalError as error:
            if not isinstance(error.__cause__, pg.LockNotAvailable):
                raise
            time.sleep(SWAP_PAUSE)
    raise SwapTimedOut(f"{projection.name}: the live tables were in use the whole time; run the rebuild again to swap")


def _move_tables(projection: Projection, space: str) -> None:
    """Move the tables between schemas, and drop those that an earlier swap replaced."""
    live, built, replaced, retiring = map(
        schemas.quoted, (LIVE, space, replaced_space(projection), f"retiring_{projection.name}")
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{SWAP_LOCK_TIMEOUT}'")
        cursor.execute(f"CREATE SCHEMA {retiring}")
        for model in projection.tables:
            cursor.execute(f"ALTER TABLE {schemas.table_in(LIVE, model)} SET SCHEMA {retiring}")
            cursor.execute(f"ALTER TABLE {schemas.table_in(space, model)} SET SCHEMA {live}")
        cursor.execute(f"DROP SCHEMA {built}")
        cursor.execute(f"DROP SCHEMA IF EXISTS {replaced} CASCADE")
        cursor.execute(f"ALTER SCHEMA {retiring} RENAME TO {replaced}")


def _move_checkpoints(projection: Projection, space: str, position: int, shard_count: int | None) -> None:
    """Rename the checkpoints as the tables moved. All are at one position, so the number of shards may change."""
    replaced = replaced_space(projection)
    checkpoints = Checkpoint.objects.filter(projection=projection.name)
    parked = ParkedEvent.objects.filter(projection=projection.name)
    live = list(checkpoints.filter(space=LIVE))
    events = sum(checkpoints.filter(space=space).values_list("events", flat=True))
    built = checkpoints.filter(space=space).earliest("shard")
    if replaced != space:  # the tables that were replaced before are dropped now
        checkpoints.filter(space=replaced).delete()
        parked.filter(space=replaced).delete()
    adopted = list(parked.filter(space=space))
    checkpoints.filter(space=space).delete()
    parked.filter(space=LIVE).update(space=replaced)
    for checkpoint in live:
        renamed = checkpoint_name(projection.name, checkpoint.shard, replaced)
        checkpoints.filter(pk=checkpoint.pk).update(name=renamed, space=replaced, held_until=None)
    shard_count = shard_count or len(live)
    columns: dict[str, Any] = {
        "position": position,
        "level_at": built.level_at,
        "rebuild_wanted": built.rebuild_wanted,
        "counted_from": built.counted_from,
    }
    _move_counts(projection.name, space, replaced)
    write_checkpoints(projection, shard_count, **columns)
    checkpoints.filter(name=checkpoint_name(projection.name, 0)).update(events=events)
    for event in adopted:
        event.space, event.shard = LIVE, shard_of(event.aggregate_id, shard_count)
    ParkedEvent.objects.bulk_update(adopted, ["space", "shard"])


def _move_counts(projection: str, space: str, replaced: str) -> None:
    """Move the counts of taken events as the tables moved, and sum up those of the new live tables."""
    if replaced != space:
        taken.drop(projection, replaced)
    taken.move(projection, space, "swapping")
    taken.move(projection, LIVE, replaced)
    taken.move(projection, "swapping", LIVE)
    taken.regroup(projection)


def drop_replaced(projection: Projection) -> None:
    """Drop the tables that the last swap replaced."""
    schemas.drop(projection, replaced_space(projection))
