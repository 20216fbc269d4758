"""The SQL that appends: one prepared statement for one write, one statement for several writes, COPY for many rows.

Fast path: hand-written statements instead of the ORM; measured in docs/decisions/03 and docs/performance.md.

Each function takes the rows of `records.event_rows` and receipts, and returns the last position taken (0 if there was
no event). It writes all rows or none: if a required version is not in the log, it raises ConcurrencyError. Each
function announces before it takes a position (`eventstore.sql.ANNOUNCE`).
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from eventstore.errors import ConcurrencyError
from eventstore.records import EVENT_COLUMNS, RECEIPT_COLUMNS, Receipt, receipt_row
from eventstore.sql import ANNOUNCE, cursor, fetch_all, placeholder_numberer

Rows = Sequence[tuple[Any, ...]]

_EVENT_VALUES = "(%s::uuid, %s::uuid, %s, %s, %s::smallint, %s::jsonb, %s::jsonb, %s::int, %s::uuid)"
_RECEIPT_VALUES = "(%s::uuid, %s, %s::bytea, %s::uuid, %s::int)"
_VERSION_EXISTS = "EXISTS (SELECT FROM events WHERE aggregate_id = %s::uuid AND version = %s::int)"


def insert_one(rows: Rows, receipts: Sequence[Receipt]) -> int:
    """Append the events of one write, at least one.

    The values that all rows share are sent and parsed once.
    """
    _, aggregate_id, aggregate_type, _, _, _, metadata, version, _, required = rows[0]
    values = [aggregate_id, aggregate_type, metadata, version - 1]
    for event_id, _, _, event_type, schema_version, data, _, _, subject_id, _ in rows:
        values += (event_id, event_type, schema_version, data, subject_id)
    for receipt in receipts:
        values += receipt_row(receipt)
    return _last_position(fetch_all(_one_write(len(rows), required > 0, len(receipts)), values), rows)


@cache
def _one_write(events: int, requires_version: bool, receipts: int) -> str:
    """Return the statement for one write: its placeholders in the order in which `insert_one` gives the values."""
    number = placeholder_numberer()
    aggregate_id, aggregate_type, metadata, version = (number("%s") for _ in range(4))
    event_values = []
    for place in range(1, events + 1):
        event_id, event_type, schema_version, data, subject_id = (number("%s") for _ in range(5))
        shared = (metadata, f"({version}::int + {place})")
        own = (event_id, aggregate_id, aggregate_type, event_type, schema_version, data, *shared, subject_id)
        event_values.append(_EVENT_VALUES % own)
    exists = [_VERSION_EXISTS % (aggregate_id, version)] if requires_version else []
    return _statement(exists, [number(_RECEIPT_VALUES) for _ in range(receipts)], event_values)


def insert(rows: Rows, receipts: Sequence[Receipt]) -> int:
    """Append several writes, or one without events.

    Not prepared: the statement differs with the number of rows, so there are too many for each connection to prepare.
    """
    if not rows and not receipts:
        return 0
    required = _required_versions(rows)
    values: list[Any] = [value for pair in required for value in pair]
    for receipt in receipts:
        values += receipt_row(receipt)
    for row in rows:
        values += row[:-1]
    exists = [_VERSION_EXISTS] * len(required)
    with cursor() as opened:
        opened.execute(_statement(exists, [_RECEIPT_VALUES] * len(receipts), [_EVENT_VALUES] * len(rows)), values)
        return _last_position(opened.fetchall(), rows)


def _statement(exists: list[str], receipts: list[str], events: list[str]) -> str:
    """Return the INSERT for these tuples of receipts and events, which writes nothing unless all of `exists` hold."""
    if not events:
        return f"INSERT INTO command_receipts ({RECEIPT_COLUMNS}) VALUES {', '.join(receipts)} RETURNING version"
    condition = f" WHERE {' AND '.join(exists)}" if exists else ""
    parts = [f"announced AS MATERIALIZED ({ANNOUNCE}{condition})"]
    if receipts:
        parts.append(f"""receipted AS (
            INSERT INTO command_receipts ({RECEIPT_COLUMNS})
            SELECT v.* FROM announced, (VALUES {", ".join(receipts)}) v)""")
    return f"""WITH {", ".join(parts)}
        INSERT INTO events ({EVENT_COLUMNS})
        SELECT v.* FROM announced, (VALUES {", ".join(events)}) v RETURNING position"""


def _last_position(positions: Sequence[tuple[Any, ...]], rows: Rows) -> int:
    if len(positions) < len(rows):
        raise _version_missing(rows)
    return int(positions[-1][0]) if rows else 0


def copy(rows: Rows, receipts: Sequence[Receipt]) -> int:
    """Append many rows in the open transaction: announce, check the required versions, then COPY."""
    required = _required_versions(rows)
    with cursor() as opened:
        opened.execute(ANNOUNCE)
        opened.execute(
            "SELECT count(*) FROM unnest(%s::uuid[], %s::int[]) f (id, v)"
            " JOIN events e ON e.aggregate_id = f.id AND e.version = f.v",
            ([aggregate_id for aggregate_id, _ in required], [version for _, version in required]),
        )
        if (opened.fetchone() or (0,))[0] < len(required):
            raise _version_missing(rows)
        with opened.copy(f"COPY events ({EVENT_COLUMNS}) FROM STDIN") as copied:
            for row in rows:
                copied.write_row(row[:-1])
        with opened.copy(f"COPY command_receipts ({RECEIPT_COLUMNS}) FROM STDIN") as copied:
            for receipt in receipts:
                copied.write_row(receipt_row(receipt))
        opened.execute("SELECT currval('events_position_seq')" if rows else "SELECT 0")
        return int((opened.fetchone() or (0,))[0])


def _required_versions(rows: Rows) -> list[tuple[Any, int]]:
    """Return the aggregate ids and versions that must already be in the log."""
    return [(row[1], row[-1]) for row in rows if row[-1]]


def _version_missing(rows: Rows) -> ConcurrencyError:
    """Return the error for a write whose expected version its aggregate has not reached."""
    required = _required_versions(rows)
    return ConcurrencyError(*required[0]) if len(required) == 1 else ConcurrencyError(None)
