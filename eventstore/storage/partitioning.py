"""Convert a live log between one plain table and hash partitions by aggregate. See docs/storage.md.

1. Create a second table and copy all settled events into it. Readers and writers go on: settled events never change.
2. Under a short lock, copy the remaining events, set the new sequence to the old one's value, and swap the names.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import OperationalError, connection, transaction
from psycopg import errors as pg

from eventstore import store
from eventstore.errors import ConversionRefused, ConversionTimedOut
from eventstore.storage import leases
from eventstore.storage.leases import LeaseHeld, LeaseLost

NEW_TABLE, OLD_TABLE = "events_converted", "events_before_conversion"
SEQUENCE = "events_position_seq"
SWAP_ATTEMPTS = 100
LEASE = "the conversion of the log"
LOCK_TIMEOUT = "200ms"  # others queue behind a waiting swap at most so long; far below deadlock_timeout
MAX_TAIL = 5000  # rows that may be copied under the lock
IDENTITY_SINCE = 170_000  # the first PostgreSQL version that allows identity columns in partitioned tables

_BLOOM = {  # index name without prefix, and its column and operator class, as in `models.Event`
    "event_type": "event_type text_bloom_ops(n_distinct_per_range=64)",
    "subject": "subject_id uuid_bloom_ops(n_distinct_per_range=500)",
}
# Summarises the copied rows before the first query. Autovacuum summarises rows that are appended later.
_SUMMARISE = """
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
    """The result of a conversion: the number of events in the log, and how long it was locked, in seconds."""

    events: int
    locked: float


def partitions() -> int:
    """Return the number of partitions of the log; 0 for a plain table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass")
        return int(cursor.fetchone()[0])


def convert(
    count: int, *, batch: int = 20_000, progress: Callable[[int, int], None] = lambda position, latest: None
) -> Converted:
    """Convert the log into `count` partitions, or into a plain table if it is 0.

    Continues an interrupted conversion into the same number of partitions. Copies `batch` events in a transaction, and
    calls `progress(position, latest)` after each batch. Raises ConversionRefused, ConversionTimedOut.
    """
    try:
        with leases.hold(LEASE) as lease:
            return _convert(count, batch, progress, lease.require)
    except (LeaseHeld, LeaseLost) as error:
        raise ConversionRefused(str(error)) from error


def convert_empty(count: int) -> None:
    """Convert the empty log of a new site, inside its first migration, when nobody else uses the database yet."""
    _convert(count, batch=1, progress=lambda position, latest: None, require_alone=lambda: None)
    drop_old()


def _convert(
    count: int, batch: int, progress: Callable[[int, int], None], require_alone: Callable[[], None]
) -> Converted:
    if count == partitions():
        raise ConversionRefused(f"the log has {count} partitions already" if count else "the log is a plain table")
    if _exists(OLD_TABLE):
        raise ConversionRefused(f"{OLD_TABLE} is still there: check that the log is complete, then run --drop-old")
    if not _exists(NEW_TABLE):
        with transaction.atomic():
            require_alone()
            _create(count)
    elif (begun := _partitions_of(NEW_TABLE)) != count:
        raise ConversionRefused(f"another conversion, into {begun} partitions, was begun: --discard it")
    compared = 0
    for _ in range(SWAP_ATTEMPTS):
        _copy_all(batch, progress, require_alone)
        compared = _compare(after=compared)
        _copy_all(batch, progress, require_alone)  # events appended during the comparison
        try:
            locked = _swap(compared, require_alone)
        except _TailTooLong:
            continue
        except OperationalError as error:
            if not isinstance(error.__cause__, pg.LockNotAvailable):
                raise
            time.sleep(0.05)
        else:
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE events")
                cursor.execute(_SUMMARISE)
                cursor.execute("SELECT count(*) FROM events")
                return Converted(events=cursor.fetchone()[0], locked=locked)
    raise ConversionTimedOut("the log was busy, so the tables could not be swapped. The copy is kept: run it again")


def discard() -> bool:
    """Drop the unfinished table of an interrupted conversion; return whether there was one.

    Raises ConversionRefused if a conversion is running.
    """
    try:
        with leases.hold(LEASE):
            return _drop(NEW_TABLE)
    except LeaseHeld as error:
        raise ConversionRefused(str(error)) from error


def drop_old() -> bool:
    """Drop the old table that the last conversion left; return whether there was one."""
    return _drop(OLD_TABLE)


class _TailTooLong(Exception):
    """More events are left than may be copied under the lock: copy them without it first."""


# --- steps ------------------------------------------------------------------------------------------------------------


def _create(count: int) -> None:
    """Create the second table with the log's columns, constraints, indexes, triggers and privileges."""
    by_hash = "PARTITION BY HASH (aggregate_id)" if count else ""
    sequence = f"{NEW_TABLE}_position_seq"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {NEW_TABLE} (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS) {by_hash}")
        cursor.execute(f"ALTER TABLE {NEW_TABLE} ALTER position DROP DEFAULT")
        for number in range(count):
            cursor.execute(
                f"CREATE TABLE events_p{number:02}_of_{count} PARTITION OF {NEW_TABLE}"
                f" FOR VALUES WITH (MODULUS {count}, REMAINDER {number})"
            )
        if not count or connection.connection.info.server_version >= IDENTITY_SINCE:
            identity = f"GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME {sequence})"
            cursor.execute(f"ALTER TABLE {NEW_TABLE} ALTER position ADD {identity}")
        else:
            cursor.execute(f"CREATE SEQUENCE {sequence} OWNED BY {NEW_TABLE}.position")
            cursor.execute(f"ALTER TABLE {NEW_TABLE} ALTER position SET DEFAULT nextval('{sequence}')")
        cursor.execute(
            f"ALTER TABLE {NEW_TABLE} ADD CONSTRAINT {NEW_TABLE}_aggregate_version UNIQUE (aggregate_id, version)"
        )
        # A unique key of a partitioned table must contain aggregate_id, so there these two are plain indexes.
        if count:
            cursor.execute(f"CREATE INDEX {NEW_TABLE}_pkey ON {NEW_TABLE} (position)")
            cursor.execute(f"CREATE INDEX {NEW_TABLE}_event_id_key ON {NEW_TABLE} (event_id)")
        else:
            cursor.execute(f"ALTER TABLE {NEW_TABLE} ADD CONSTRAINT {NEW_TABLE}_pkey PRIMARY KEY (position)")
            cursor.execute(f"ALTER TABLE {NEW_TABLE} ADD CONSTRAINT {NEW_TABLE}_event_id_key UNIQUE (event_id)")
        for name, column in _BLOOM.items():
            cursor.execute(
                f"CREATE INDEX {NEW_TABLE}_{name} ON {NEW_TABLE} USING brin ({column}) WITH (autosummarize = on)"
            )
        _create_triggers(cursor, count)
        _copy_grants(cursor, "events", f"TABLE {NEW_TABLE}")
        _copy_grants(cursor, SEQUENCE, f"SEQUENCE {sequence}")


def _create_triggers(cursor: object, count: int) -> None:
    """Create the append-only triggers. A statement trigger fires only for the table named in the statement.

    So each partition needs its own trigger.
    """
    run = cursor.execute  # type: ignore[attr-defined]  # Django's cursors have no public type
    for table in (NEW_TABLE, *(f"events_p{number:02}_of_{count}" for number in range(count))):
        run(
            f"CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change()"
        )
        run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER events_append_only")


def _copy_grants(cursor: object, source: str, target: str) -> None:
    run = cursor.execute  # type: ignore[attr-defined]
    run(
        "SELECT format('GRANT %%s%%s ON %%s TO %%s', a.privilege_type, a.columns, %(target)s, CASE a.grantee WHEN 0"
        " THEN 'PUBLIC' ELSE a.grantee::regrole::text END) FROM pg_class c, LATERAL ("
        " SELECT privilege_type, grantee, '' AS columns FROM aclexplode(c.relacl) UNION ALL"
        " SELECT privilege_type, grantee, format(' (%%I)', attname) FROM pg_attribute, aclexplode(attacl)"
        "  WHERE attrelid = c.oid AND NOT attisdropped) a"
        " WHERE c.oid = %(source)s::regclass AND a.grantee <> c.relowner",
        {"target": target, "source": source},
    )
    for (grant,) in cursor.fetchall():  # type: ignore[attr-defined]
        run(grant)


def _copy_all(batch: int, progress: Callable[[int, int], None], require_alone: Callable[[], None]) -> None:
    """Copy all settled events, each batch in its own transaction."""
    while True:
        horizon = store.horizon()
        with transaction.atomic():
            require_alone()
            copied = _copy(f"AND position <= {horizon} ORDER BY position LIMIT {int(batch)}")
        progress(_copied_through() if copied == batch else horizon, max(horizon, 1))
        if copied < batch:
            return


def _copy(condition: str) -> int:
    """Copy the events after the last one copied that meet `condition`; return their number."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {NEW_TABLE} ({_COLUMNS}) OVERRIDING SYSTEM VALUE SELECT {_COLUMNS} FROM events"
            f" WHERE position > %s {condition}",
            [_copied_through()],
        )
        return int(cursor.rowcount)


def _copied_through() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(max(position), 0) FROM {NEW_TABLE}")
        return int(cursor.fetchone()[0])


def _compare(*, after: int) -> int:
    """Check that both tables hold the same rows after a position; return the last one. Raises ConversionRefused."""
    through, digests = _copied_through(), []
    with connection.cursor() as cursor:
        for table in ("events", NEW_TABLE):
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


def _swap(compared: int, require_alone: Callable[[], None]) -> float:
    """Copy and compare the rest and swap the names, under a lock; return how many seconds the lock was held."""
    with transaction.atomic(), connection.cursor() as cursor:
        require_alone()
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        # The sequence first: writers read it before they lock the table, so the same order avoids deadlocks.
        cursor.execute(f"ALTER SEQUENCE {SEQUENCE} RENAME TO {OLD_TABLE}_position_seq")
        cursor.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        start = time.perf_counter()
        if _copy(f"ORDER BY position LIMIT {MAX_TAIL + 1}") > MAX_TAIL:
            raise _TailTooLong
        _compare(after=compared)
        cursor.execute(
            f"SELECT setval('{NEW_TABLE}_position_seq', last_value, is_called) FROM {OLD_TABLE}_position_seq"
        )
        for statement in (
            f"ALTER TABLE events RENAME TO {OLD_TABLE}",
            f"ALTER TABLE {NEW_TABLE} RENAME TO events",
            f"ALTER SEQUENCE {NEW_TABLE}_position_seq RENAME TO {SEQUENCE}",
            *_renamed("events_aggregate_version", f"{NEW_TABLE}_aggregate_version"),
            *_renamed("events_pkey", f"{NEW_TABLE}_pkey"),
            *_renamed("events_event_id_key", f"{NEW_TABLE}_event_id_key"),
            *(part for name in _BLOOM for part in _renamed(f"events_{name}", f"{NEW_TABLE}_{name}")),
        ):
            cursor.execute(statement)
    return time.perf_counter() - start


def _renamed(name: str, new: str) -> tuple[str, str]:
    """Return statements that rename the old table's index and give its name to the new one's.

    A constraint is renamed with its index. IF EXISTS: a new site may convert its log before later migrations create
    all of its indexes.
    """
    return (
        f"ALTER INDEX IF EXISTS {name} RENAME TO {name.replace('events', OLD_TABLE, 1)}",
        f"ALTER INDEX IF EXISTS {new} RENAME TO {name}",
    )


def _exists(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        return bool(cursor.fetchone()[0])


def _partitions_of(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        return int(cursor.fetchone()[0])


def _drop(table: str) -> bool:
    existed = _exists(table)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
    return existed
