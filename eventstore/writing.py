"""The SQL that appends: one prepared statement for one write, one statement for several, COPY for many.

Each takes the rows of `records.event_rows` and receipts, and returns the last position taken (0 if there was no event).
All of it happens or none: one version that has to be in the log already and is not keeps every row out, as
ConcurrencyError. Each announces before it takes a position (`eventstore.sql.ANNOUNCE`).
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from eventstore.errors import ConcurrencyError
from eventstore.records import EVENT_COLUMNS, RECEIPT_COLUMNS, Receipt, receipt_row
from eventstore.sql import ANNOUNCE, cursor, fetched, placeholders

Rows = Sequence[tuple[Any, ...]]

_EVENT_VALUES = "(%s::uuid, %s::uuid, %s, %s, %s::smallint, %s::jsonb, %s::jsonb, %s::int, %s::uuid)"
_RECEIPT_VALUES = "(%s::uuid, %s, %s::bytea, %s::uuid, %s::int)"
_IS_THERE = "EXISTS (SELECT FROM events WHERE aggregate_id = %s::uuid AND version = %s::int)"


def insert_one(rows: Rows, receipts: Sequence[Receipt]) -> int:
    """The events of one write, at least one. What they share is sent once, and parsed once."""
    _, aggregate_id, aggregate_type, _, _, _, metadata, version, _, follows = rows[0]
    values = [aggregate_id, aggregate_type, metadata, version - 1]
    for event_id, _, _, event_type, schema_version, data, _, _, subject_id, _ in rows:
        values += (event_id, event_type, schema_version, data, subject_id)
    for receipt in receipts:
        values += receipt_row(receipt)
    return _last(fetched(_one(len(rows), follows > 0, len(receipts)), values), rows)


@cache
def _one(events: int, follows: bool, receipts: int) -> str:
    number = placeholders()
    aggregate_id, aggregate_type, metadata, version = (number("%s") for _ in range(4))
    event_values = []
    for place in range(1, events + 1):
        event_id, event_type, schema_version, data, subject_id = (number("%s") for _ in range(5))
        shared = (metadata, f"({version}::int + {place})")
        own = (event_id, aggregate_id, aggregate_type, event_type, schema_version, data, *shared, subject_id)
        event_values.append(_EVENT_VALUES % own)
    there = [_IS_THERE % (aggregate_id, version)]
    return _statement(there if follows else [], [number(_RECEIPT_VALUES) for _ in range(receipts)], event_values)


def insert(rows: Rows, receipts: Sequence[Receipt]) -> int:
    """Several writes, or one without events. Their shapes are too many for each connection to keep all prepared."""
    if not rows and not receipts:
        return 0
    heads = _heads(rows)
    values: list[Any] = [value for head in heads for value in head]
    for receipt in receipts:
        values += receipt_row(receipt)
    for row in rows:
        values += row[:-1]
    there = [_IS_THERE] * len(heads)
    with cursor() as opened:
        opened.execute(_statement(there, [_RECEIPT_VALUES] * len(receipts), [_EVENT_VALUES] * len(rows)), values)
        return _last(opened.fetchall(), rows)


def _statement(there: list[str], receipts: list[str], events: list[str]) -> str:
    if not events:
        return f"INSERT INTO command_receipts ({RECEIPT_COLUMNS}) VALUES {', '.join(receipts)} RETURNING version"
    condition = f" WHERE {' AND '.join(there)}" if there else ""
    parts = [f"announced AS MATERIALIZED ({ANNOUNCE}{condition})"]
    if receipts:
        parts.append(f"""receipted AS (
            INSERT INTO command_receipts ({RECEIPT_COLUMNS})
            SELECT v.* FROM announced, (VALUES {", ".join(receipts)}) v)""")
    return f"""WITH {", ".join(parts)}
        INSERT INTO events ({EVENT_COLUMNS})
        SELECT v.* FROM announced, (VALUES {", ".join(events)}) v RETURNING position"""


def _last(taken: Sequence[tuple[Any, ...]], rows: Rows) -> int:
    if len(taken) < len(rows):
        raise _version_ahead(rows)
    return int(taken[-1][0]) if rows else 0


def copy(rows: Rows, receipts: Sequence[Receipt]) -> int:
    """Many rows, in the transaction that is open: announce, check the versions that have to be there, then COPY."""
    heads = _heads(rows)
    with cursor() as opened:
        opened.execute(ANNOUNCE)
        opened.execute(
            "SELECT count(*) FROM unnest(%s::uuid[], %s::int[]) f (id, v)"
            " JOIN events e ON e.aggregate_id = f.id AND e.version = f.v",
            ([aggregate_id for aggregate_id, _ in heads], [version for _, version in heads]),
        )
        if (opened.fetchone() or (0,))[0] < len(heads):
            raise _version_ahead(rows)
        with opened.copy(f"COPY events ({EVENT_COLUMNS}) FROM STDIN") as copied:
            for row in rows:
                copied.write_row(row[:-1])
        with opened.copy(f"COPY command_receipts ({RECEIPT_COLUMNS}) FROM STDIN") as copied:
            for receipt in receipts:
                copied.write_row(receipt_row(receipt))
        opened.execute("SELECT currval('events_position_seq')" if rows else "SELECT 0")
        return int((opened.fetchone() or (0,))[0])


def _heads(rows: Rows) -> list[tuple[Any, int]]:
    """The aggregates and their versions that have to be there."""
    return [(row[1], row[-1]) for row in rows if row[-1]]


def _version_ahead(rows: Rows) -> ConcurrencyError:
    """Some write expected a version that its aggregate has not reached."""
    heads = _heads(rows)
    return ConcurrencyError(*heads[0]) if len(heads) == 1 else ConcurrencyError(None)
