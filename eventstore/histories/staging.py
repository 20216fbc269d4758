"""Rows of the log copied out as they stand, and rows of another site's log copied in. With its SQL on the log's tables.

What comes in is staged in a table of the transaction's own and placed in one statement at the end: however long a file
is, readers of the feed are held back for that statement only.
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
from eventstore.errors import HistoryConflict
from eventstore.personal_data.encryption import StoredKey
from eventstore.records import stored_key
from eventstore.sql import ANNOUNCE
from eventstore.sql import cursor as log_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An event as it stands in the table, JSON as text, and the key of whoever's data it holds."""

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


def positions_of(aggregate_ids: Collection[UUID]) -> list[tuple[int, UUID]]:
    """Where in the log the events of these aggregates stand, in its order, and whose each is."""
    with log_cursor() as cursor:
        cursor.execute(
            "SELECT position, aggregate_id FROM events WHERE aggregate_id = ANY(%s) ORDER BY position",
            (list(aggregate_ids),),
        )
        return cursor.fetchall()


def rows_at(positions: Sequence[int]) -> list[Row]:
    """The events at these positions, in order, whether this code knows them or not. Raises WrongKey."""
    with log_cursor() as cursor:
        cursor.execute(
            f"SELECT {_ROW} FROM events e LEFT JOIN subject_keys k USING (subject_id)"
            " WHERE position = ANY(%s) ORDER BY position",
            (list(positions),),
        )
        return [_row(row) for row in cursor]


class Incoming:
    """What an import brings, as far as it has read; it is not in the log before `place`.

    Needs a transaction. Imports wait for each other, so that the same file sent twice at once is there once.
    """

    def __init__(self) -> None:
        with log_cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(4712, 0)")
            cursor.execute(f"CREATE TEMP TABLE incoming AS SELECT {_COLUMNS} FROM events WHERE false")
            cursor.execute("ALTER TABLE incoming ADD place bigint GENERATED ALWAYS AS IDENTITY")
            cursor.execute("CREATE UNIQUE INDEX ON incoming (event_id)")
            cursor.execute("CREATE UNIQUE INDEX ON incoming (aggregate_id, version)")

    def like(self, events: Sequence[tuple[UUID, UUID, int]]) -> list[Row]:
        """What is here already, in the log or staged, under these event ids or at these aggregates' versions."""
        event_ids, aggregate_ids, versions = map(list, zip(*events, strict=True))
        with log_cursor() as cursor:
            cursor.execute(_LIKE, (event_ids, aggregate_ids, versions))
            return [_row(row) for row in cursor]

    def heads(self, aggregate_ids: Collection[UUID]) -> dict[UUID, tuple[str, int]]:
        """The type and latest version of those aggregates that have events, in the log or staged."""
        with log_cursor() as cursor:
            cursor.execute(_HEADS, (list(aggregate_ids),))
            return {aggregate_id: (aggregate_type, version) for aggregate_id, aggregate_type, version in cursor}

    def stage(self, rows: Sequence[Row]) -> None:
        """Keep these until `place`: versions that follow, and nothing that `like` has found."""
        with log_cursor() as cursor, cursor.copy(f"COPY incoming ({_COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row([getattr(row, name) for name in _FIELDS])

    def place(self) -> tuple[int, list[AppendedVersions]]:
        """Append what was staged, in its order: the last position taken (0 if nothing was), and what has grown.

        Has to be the last thing its transaction does. Raises HistoryConflict where somebody appended meanwhile.
        """
        try:
            with transaction.atomic(), log_cursor() as cursor:
                cursor.execute(ANNOUNCE)
                cursor.execute(_PLACE)
                (position,) = cursor.fetchone() or (0,)
        except (IntegrityError, OperationalError) as error:
            if isinstance(error.__cause__, pg.UniqueViolation | pg.DeadlockDetected):
                what = error.__cause__.diag.message_detail
                raise HistoryConflict(f"somebody appended, meanwhile, what the file tells otherwise: {what}") from error
            raise
        with log_cursor() as cursor:
            cursor.execute(_GROWTH)
            grown = [AppendedVersions(*row) for row in cursor]
            cursor.execute("DROP TABLE incoming")
        return position, grown


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
_ROW = f"{_COLUMNS}, k.wrapped_key, k.master"
_BOTH = f"(SELECT {_COLUMNS} FROM events UNION ALL SELECT {_COLUMNS} FROM incoming)"
_LIKE = f"""
SELECT {_ROW} FROM (
    SELECT {_COLUMNS} FROM {_BOTH} here WHERE event_id = ANY(%s)
    UNION
    SELECT {_COLUMNS} FROM {_BOTH} here JOIN unnest(%s::uuid[], %s::int[]) w (id, number)
        ON here.aggregate_id = w.id AND here.version = w.number) e
  LEFT JOIN subject_keys k USING (subject_id)
"""
_HEADS = f"""
SELECT DISTINCT ON (aggregate_id) aggregate_id, aggregate_type, version FROM {_BOTH} here
 WHERE aggregate_id = ANY(%s) ORDER BY aggregate_id, version DESC
"""
_PLACE = f"""
WITH placed AS (INSERT INTO events ({_COLUMNS}) SELECT {_COLUMNS} FROM incoming ORDER BY place RETURNING position)
SELECT coalesce(max(position), 0) FROM placed
"""
_GROWTH = "SELECT aggregate_id, min(aggregate_type), min(version) - 1, max(version) FROM incoming GROUP BY 1"


def _row(columns: Sequence[Any]) -> Row:
    *values, wrapped, master = columns
    row = Row(**dict(zip(_FIELDS, values, strict=True)))
    return replace(row, key=stored_key(row.subject_id, wrapped, master)) if row.subject_id else row
