"""Copy rows of the log out, and copy rows of another site's log in. Contains its own SQL on the log's tables.

Fast path: COPY into a temporary table and one INSERT at the end, instead of an append for each event; measured in
docs/decisions/12. Readers of the feed wait for that one INSERT only, however long the file is.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.utils import IntegrityError, OperationalError
from psycopg import errors as pg

from eventstore.dispatch import AppendedVersions
from eventstore.errors import CorruptEvent, HistoryConflict
from eventstore.personal_data import in_the_clear
from eventstore.personal_data.encryption import StoredKey
from eventstore.records import stored_key
from eventstore.sql import ANNOUNCE, RECORDED_AT
from eventstore.sql import cursor as log_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An event as stored in the table: JSON as text, and the subject's key if it holds personal data.

    `erased` says that its person was erased, also of an old event whose texts are in the clear and that has no subject.
    """

    event_id: UUID
    aggregate_id: UUID
    aggregate_type: str
    version: int
    event_type: str
    schema_version: int
    timestamp: datetime
    metadata: str
    data: str
    subject_id: UUID | None
    key: StoredKey | None = None
    erased: bool = False


def positions_of(aggregate_ids: Collection[UUID]) -> list[tuple[int, UUID]]:
    """Return (position, aggregate id) of each event of these aggregates, in log order."""
    with log_cursor() as cursor:
        cursor.execute(
            "SELECT position, aggregate_id FROM events WHERE aggregate_id = ANY(%s) ORDER BY position",
            (list(aggregate_ids),),
        )
        return cursor.fetchall()


def rows_at(positions: Sequence[int]) -> list[Row]:
    """Return the events at these positions, in order, also those of types this code does not know.

    Raises WrongKey, and CorruptEvent for a recorded time that cannot be read.
    """
    with log_cursor() as cursor:
        cursor.execute(
            f"SELECT {_ROW} FROM events e LEFT JOIN subject_keys k USING (subject_id)"
            " WHERE position = ANY(%s) ORDER BY position",
            (list(positions),),
        )
        return _rows(cursor.fetchall())


class Incoming:
    """The staged events of an import. They are in the log only after `append_staged`.

    Needs a transaction. Imports wait for each other, so a file that is sent twice at once is imported once.
    """

    def __init__(self) -> None:
        with log_cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(4712, 0)")
            cursor.execute(f"CREATE TEMP TABLE incoming AS SELECT {_COLUMNS} FROM events WHERE false")
            cursor.execute("ALTER TABLE incoming ADD place bigint GENERATED ALWAYS AS IDENTITY")
            cursor.execute("CREATE UNIQUE INDEX ON incoming (event_id)")
            cursor.execute("CREATE UNIQUE INDEX ON incoming (aggregate_id, version)")

    def existing(self, events: Sequence[tuple[UUID, UUID, int]]) -> list[Row]:
        """Return the rows, in the log or staged, that have the event id or the (aggregate id, version) of an event.

        `events` are (event id, aggregate id, version). Raises WrongKey.
        """
        event_ids, aggregate_ids, versions = map(list, zip(*events, strict=True))
        with log_cursor() as cursor:
            cursor.execute(_EXISTING, (event_ids, aggregate_ids, versions))
            return _rows(cursor.fetchall())

    def history(self, aggregate_id: UUID) -> list[Row]:
        """Return all events of an aggregate, in the log or staged, in order. Raises WrongKey."""
        with log_cursor() as cursor:
            cursor.execute(_HISTORY, (aggregate_id,))
            return _rows(cursor.fetchall())

    def heads(self, aggregate_ids: Collection[UUID]) -> dict[UUID, tuple[str, int]]:
        """Return the type and latest version of each of these aggregates that has events, in the log or staged."""
        with log_cursor() as cursor:
            cursor.execute(_HEADS, (list(aggregate_ids),))
            return {aggregate_id: (aggregate_type, version) for aggregate_id, aggregate_type, version in cursor}

    def stage(self, rows: Sequence[Row]) -> None:
        """Stage rows. Versions must follow the heads, and `existing` must have found none of them."""
        with log_cursor() as cursor, cursor.copy(f"COPY incoming ({_COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row([getattr(row, name) for name in _FIELDS])

    def append_staged(self) -> tuple[int, list[AppendedVersions]]:
        """Append the staged rows in order; return the last position (0 if there were none) and the versions appended.

        Must be the last thing that its transaction does. Raises HistoryConflict if another writer appended one of the
        versions in the meantime.
        """
        try:
            with transaction.atomic(), log_cursor() as cursor:
                cursor.execute(ANNOUNCE)
                cursor.execute(_APPEND)
                (position,) = cursor.fetchone() or (0,)
        except (IntegrityError, OperationalError) as error:
            if isinstance(error.__cause__, pg.UniqueViolation | pg.DeadlockDetected):
                detail = error.__cause__.diag.message_detail
                raise HistoryConflict(
                    f"meanwhile, another writer appended other events than the file has: {detail}"
                ) from error
            raise
        with log_cursor() as cursor:
            cursor.execute(_APPENDED_VERSIONS)
            appended = [AppendedVersions(*row) for row in cursor]
            cursor.execute("DROP TABLE incoming")
        return position, appended


# --- SQL --------------------------------------------------------------------------------------------------------------

_FIELDS = (
    "event_id",
    "aggregate_id",
    "aggregate_type",
    "version",
    "event_type",
    "schema_version",
    "timestamp",
    "metadata",
    "data",
    "subject_id",
)
_COLUMNS = ", ".join(_FIELDS).replace(" data", " event_data")
_ROW = f"{_COLUMNS}, k.wrapped_key, k.master".replace("timestamp", RECORDED_AT)
_BOTH = f"(SELECT {_COLUMNS} FROM events UNION ALL SELECT {_COLUMNS} FROM incoming)"
_EXISTING = f"""
SELECT {_ROW} FROM (
    SELECT {_COLUMNS} FROM {_BOTH} here WHERE event_id = ANY(%s)
    UNION
    SELECT {_COLUMNS} FROM {_BOTH} here JOIN unnest(%s::uuid[], %s::int[]) w (id, number)
        ON here.aggregate_id = w.id AND here.version = w.number) e
  LEFT JOIN subject_keys k USING (subject_id)
"""
_HISTORY = f"""
SELECT {_ROW} FROM (SELECT {_COLUMNS} FROM {_BOTH} here WHERE aggregate_id = %s) e
  LEFT JOIN subject_keys k USING (subject_id) ORDER BY version
"""
_HEADS = f"""
SELECT DISTINCT ON (aggregate_id) aggregate_id, aggregate_type, version FROM {_BOTH} here
 WHERE aggregate_id = ANY(%s) ORDER BY aggregate_id, version DESC
"""
_APPEND = f"""
WITH placed AS (INSERT INTO events ({_COLUMNS}) SELECT {_COLUMNS} FROM incoming ORDER BY place RETURNING position)
SELECT coalesce(max(position), 0) FROM placed
"""
_APPENDED_VERSIONS = "SELECT aggregate_id, min(aggregate_type), min(version) - 1, max(version) FROM incoming GROUP BY 1"


def _rows(found: Sequence[Sequence[Any]]) -> list[Row]:
    rows = [_row(columns) for columns in found]
    unclear = {
        row.aggregate_id for row in rows if in_the_clear.is_possible(row.event_type, row.schema_version, row.subject_id)
    }
    erased = in_the_clear.of_erased_persons(unclear)
    return [
        replace(row, erased=True) if row.aggregate_id in erased or (row.key and row.key.wrapped is None) else row
        for row in rows
    ]


def _row(columns: Sequence[Any]) -> Row:
    *values, wrapped, master = columns
    row = Row(**dict(zip(_FIELDS, values, strict=True)))
    if row.timestamp is None:
        raise CorruptEvent(f"event {row.event_id} was recorded at a time outside the years that the log accepts")
    return replace(row, key=stored_key(row.subject_id, wrapped, master)) if row.subject_id else row
