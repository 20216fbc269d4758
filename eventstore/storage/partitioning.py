"""The log in one plain table or in hash partitions by aggregate: converting a live one either way. docs/storage.md.

A second table is made beside and filled up to the horizon while everybody goes on: what stands there never changes.
Then, under a short lock, the rest is copied, the sequence's value carried over, and the names are swapped.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import OperationalError, connection, transaction
from psycopg import errors as pg

from eventstore import store
from eventstore.errors import ConversionRefused, ConversionTimedOut

BESIDE, BEFORE = "events_converted", "events_before_conversion"
SEQUENCE = "events_position_seq"
SWAP_ATTEMPTS = 100
LOCK_TIMEOUT = "200ms"  # how long others may queue behind the swap before it steps back; far below deadlock_timeout
TAIL = 5000  # rows that may be left to copy under the lock
IDENTITY_SINCE = 170_000  # the PostgreSQL version whose partitioned tables can have identity columns

_BLOOM = {  # by name: what the model says of them
    "event_type": "event_type text_bloom_ops(n_distinct_per_range=64)",
    "subject": "subject_id uuid_bloom_ops(n_distinct_per_range=500)",
}
# Of what was copied, before anybody asks; what is appended later is summed up by autovacuum.
_SUM_UP = """
SELECT brin_summarize_new_values(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
 WHERE indrelid IN (SELECT relid FROM pg_partition_tree('events')) AND relkind = 'i'
   AND relam = (SELECT oid FROM pg_am WHERE amname = 'brin')
"""
_COLUMNS = (
    "position, event_id, aggregate_id, aggregate_type, event_type, schema_version, event_data, metadata, version,"
    " timestamp, subject_id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What a conversion did: how many events it moved, and for how long nobody could read or write (seconds)."""

    events: int
    locked: float


def partitions() -> int:
    """How many partitions the log has; 0 for a plain table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass")
        return int(cursor.fetchone()[0])


def convert(
    wanted: int, *, batch: int = 20_000, progress: Callable[[int, int], None] = lambda done, of: None
) -> Converted:
    """Give the log so many partitions, 0 for a plain table. One that was broken off goes on where it stood.

    `progress(position, latest)` is called after each batch. Raises ConversionRefused, ConversionTimedOut.
    """
    with _alone():
        return _convert(wanted, batch, progress)


def _convert(wanted: int, batch: int, progress: Callable[[int, int], None]) -> Converted:
    if wanted == partitions():
        raise ConversionRefused(f"the log has {wanted} partitions already" if wanted else "the log is a plain table")
    if _exists(BEFORE):
        raise ConversionRefused(f"{BEFORE} is still there: look whether all is well, then --drop-old")
    if not _exists(BESIDE):
        with transaction.atomic():
            _create(wanted)
    elif _parts_of(BESIDE) != wanted:
        raise ConversionRefused(f"another conversion, into {_parts_of(BESIDE)} partitions, was begun: --discard it")
    compared = 0
    for _ in range(SWAP_ATTEMPTS):
        _copy_all(batch, progress)
        compared = _compare(after=compared)
        _copy_all(batch, progress)  # what came while that was compared
        try:
            locked = _swap(compared)
        except _Outrun:
            continue
        except OperationalError as error:
            if not isinstance(error.__cause__, pg.LockNotAvailable):
                raise
            time.sleep(0.05)
        else:
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE events")
                cursor.execute(_SUM_UP)
                cursor.execute("SELECT count(*) FROM events")
                return Converted(events=cursor.fetchone()[0], locked=locked)
    raise ConversionTimedOut("the log was in use all the time; what was copied is kept: run it again to swap")


def discard() -> bool:
    """Drop what a conversion that was broken off has left; says whether there was any."""
    return _drop(BESIDE)


def drop_old() -> bool:
    """Drop the table from before the last conversion; says whether there was one."""
    return _drop(BEFORE)


class _Outrun(Exception):
    """More was appended than should be copied under a lock: step back and copy it without one."""


@contextmanager
def _alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('partition_log'))")
        if not cursor.fetchone()[0]:
            raise ConversionRefused("the log is being converted already")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext('partition_log'))")


# --- steps ------------------------------------------------------------------------------------------------------------


def _create(wanted: int) -> None:
    by_hash = "PARTITION BY HASH (aggregate_id)" if wanted else ""
    sequence = f"{BESIDE}_position_seq"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {BESIDE} (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS) {by_hash}")
        cursor.execute(f"ALTER TABLE {BESIDE} ALTER position DROP DEFAULT")
        for number in range(wanted):
            cursor.execute(
                f"CREATE TABLE events_p{number:02}_of_{wanted} PARTITION OF {BESIDE}"
                f" FOR VALUES WITH (MODULUS {wanted}, REMAINDER {number})"
            )
        if not wanted or connection.connection.info.server_version >= IDENTITY_SINCE:
            identity = f"GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME {sequence})"
            cursor.execute(f"ALTER TABLE {BESIDE} ALTER position ADD {identity}")
        else:
            cursor.execute(f"CREATE SEQUENCE {sequence} OWNED BY {BESIDE}.position")
            cursor.execute(f"ALTER TABLE {BESIDE} ALTER position SET DEFAULT nextval('{sequence}')")
        cursor.execute(f"ALTER TABLE {BESIDE} ADD CONSTRAINT {BESIDE}_aggregate_version UNIQUE (aggregate_id, version)")
        # A unique key of a partitioned table has to contain the aggregate: there these two are plain indexes.
        if wanted:
            cursor.execute(f"CREATE INDEX {BESIDE}_pkey ON {BESIDE} (position)")
            cursor.execute(f"CREATE INDEX {BESIDE}_event_id_key ON {BESIDE} (event_id)")
        else:
            cursor.execute(f"ALTER TABLE {BESIDE} ADD CONSTRAINT {BESIDE}_pkey PRIMARY KEY (position)")
            cursor.execute(f"ALTER TABLE {BESIDE} ADD CONSTRAINT {BESIDE}_event_id_key UNIQUE (event_id)")
        for name, column in _BLOOM.items():
            cursor.execute(f"CREATE INDEX {BESIDE}_{name} ON {BESIDE} USING brin ({column}) WITH (autosummarize = on)")
        _guard(cursor, wanted)
        _carry_grants(cursor, "events", f"TABLE {BESIDE}")
        _carry_grants(cursor, SEQUENCE, f"SEQUENCE {sequence}")


def _guard(cursor: object, wanted: int) -> None:
    """A statement's trigger fires for the table it names alone, so each partition needs one of its own."""
    run = cursor.execute  # type: ignore[attr-defined]  # Django's cursors have no type of their own
    for table in (BESIDE, *(f"events_p{number:02}_of_{wanted}" for number in range(wanted))):
        run(
            f"CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change()"
        )
        run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER events_append_only")


def _carry_grants(cursor: object, source: str, target: str) -> None:
    run = cursor.execute  # type: ignore[attr-defined]
    run(
        "SELECT format('GRANT %%s ON %%s TO %%s', a.privilege_type, %s, CASE a.grantee WHEN 0 THEN 'PUBLIC'"
        " ELSE a.grantee::regrole::text END) FROM pg_class c, aclexplode(c.relacl) a"
        " WHERE c.oid = %s::regclass AND a.grantee <> c.relowner",
        [target, source],
    )
    for (grant,) in cursor.fetchall():  # type: ignore[attr-defined]
        run(grant)


def _copy_all(batch: int, progress: Callable[[int, int], None]) -> None:
    """Copies what is settled, batch by batch, each a transaction of its own."""
    while True:
        horizon = store.horizon()
        copied = _copy(f"AND position <= {horizon} ORDER BY position LIMIT {int(batch)}")
        progress(_copied_through() if copied == batch else horizon, max(horizon, 1))
        if copied < batch:
            return


def _copy(what: str = "") -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {BESIDE} ({_COLUMNS}) OVERRIDING SYSTEM VALUE SELECT {_COLUMNS} FROM events"
            f" WHERE position > %s {what}",
            [_copied_through()],
        )
        return int(cursor.rowcount)


def _copied_through() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(max(position), 0) FROM {BESIDE}")
        return int(cursor.fetchone()[0])


def _compare(*, after: int) -> int:
    """Whether both tables hold the same rows after a position; returns up to where. Raises ConversionRefused."""
    through, digests = _copied_through(), []
    with connection.cursor() as cursor:
        for table in ("events", BESIDE):
            cursor.execute(
                f"SELECT count(*), coalesce(sum(hashtextextended(ROW({_COLUMNS})::text, 0)::numeric), 0) FROM {table}"
                " WHERE position > %s AND position <= %s",
                [after, through],
            )
            digests.append(cursor.fetchone())
    if digests[0] != digests[1]:
        rows = f"{digests[1][0]} of {digests[0][0]} rows"
        raise ConversionRefused(f"the copy differs from the log ({rows} after {after}): --discard it")
    return through


def _swap(compared: int) -> float:
    """Copies and compares the rest, and swaps the names, under a lock; returns for how many seconds it was held."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        # The sequence first, as writers do, who announce before they append.
        cursor.execute(f"ALTER SEQUENCE {SEQUENCE} RENAME TO {BEFORE}_position_seq")
        cursor.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        start = time.perf_counter()
        if _copy(f"ORDER BY position LIMIT {TAIL + 1}") > TAIL:
            raise _Outrun
        _compare(after=compared)
        cursor.execute(f"SELECT setval('{BESIDE}_position_seq', last_value, is_called) FROM {BEFORE}_position_seq")
        for statement in (
            f"ALTER TABLE events RENAME TO {BEFORE}",
            f"ALTER TABLE {BESIDE} RENAME TO events",
            f"ALTER SEQUENCE {BESIDE}_position_seq RENAME TO {SEQUENCE}",
            *_renamed("events_aggregate_version", f"{BESIDE}_aggregate_version"),
            *_renamed("events_pkey", f"{BESIDE}_pkey"),
            *_renamed("events_event_id_key", f"{BESIDE}_event_id_key"),
            *(part for name in _BLOOM for part in _renamed(f"events_{name}", f"{BESIDE}_{name}")),
        ):
            cursor.execute(statement)
    return time.perf_counter() - start


def _renamed(name: str, new: str) -> tuple[str, str]:
    """The old table's index out of the way, the new one's in its place; a constraint's name follows its index's.

    A log that is partitioned as it is made has no more indexes yet than the migrations before.
    """
    return (
        f"ALTER INDEX IF EXISTS {name} RENAME TO {name.replace('events', BEFORE, 1)}",
        f"ALTER INDEX IF EXISTS {new} RENAME TO {name}",
    )


def _exists(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        return bool(cursor.fetchone()[0])


def _parts_of(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        return int(cursor.fetchone()[0])


def _drop(table: str) -> bool:
    there = _exists(table)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
    return there
