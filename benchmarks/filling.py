"""Fill a database with several years of a shop: copies of the demo shop, one every few hours.

Real commands and projections write one copy, the youngest. PostgreSQL makes the other copies from its rows, with
different ids, times and positions.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection
from django.db.models import DateField, DateTimeField, Field, IntegerField, JSONField, Model, UUIDField
from django.utils import timezone

from eventstore import codec, store
from eventstore.models import CommandReceipt, ConsumerCheckpoint, Event
from eventstore.personal_data import encryption
from ordersite import demo
from ordersite.roles import write_roles
from projections.customer.orders import CustomerOrder
from projections.engine.catch_up import catch_up
from projections.engine.checkpoints import Checkpoint
from projections.engine.projection import PROJECTIONS
from projections.staff.orders import StaffOrder

HOURS = 4  # between two copies: 1,800 orders a day
BATCH = 100_000  # events in one statement
MODELS: tuple[type[Model], ...] = (Event, CommandReceipt, StaffOrder, CustomerOrder)

# Only the time in an id is changed, by the age of the copy: so ids differ, and are in order of time.
_MOVED = f"""
CREATE FUNCTION pg_temp.moved(id uuid, older int) RETURNS uuid IMMUTABLE LANGUAGE sql AS $$
SELECT (lpad(to_hex((('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint
                     - older::bigint * {HOURS * 3_600_000}) & 281474976710655), 12, '0')
        || right(replace(id::text, '-', ''), 20))::uuid $$
"""
_IDS_IN_JSON = ("order_id", "customer_id", "account_id", "command_id", "correlation_id", "causation_id")
_POSITIONS = ("position", "through", "after")


@dataclass(frozen=True, slots=True)
class Shop:
    """A database of copies: how many there are now, how many there will be at most, and the events in each copy."""

    copies: int
    most: int
    each: int
    models: tuple[type[Model], ...] = MODELS

    @property
    def events(self) -> int:
        """Return the number of events in all copies."""
        return self.copies * self.each


def begin(*, most: int) -> Shop:
    """Load the demo shop into an empty database, as the youngest copy of at most `most` events."""
    write_roles()
    demo.load(timezone.now())
    for projection in PROJECTIONS.values():
        catch_up(projection)
    return seeded(MODELS, most=most)


def seeded(models: Iterable[type[Model]], *, most: int) -> Shop:
    """Save the rows that are in these tables now, as the seed of all copies."""
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"CREATE TABLE seed_{model._meta.db_table} AS SELECT * FROM {model._meta.db_table}")
        # Encrypted data is bound to its event and could not be read in a copy, so the seed has clear data.
        for fact in store.read_after(0, limit=1_000_000).events:
            clear = codec.encode(fact.event)
            cursor.execute("UPDATE seed_events SET event_data = %s WHERE position = %s", [clear, fact.position])
        cursor.execute("SELECT max(position) - min(position) + 1 FROM events")
        (each,) = cursor.fetchone() or (0,)
        return Shop(copies=1, most=-(-most // each), each=each, models=tuple(models))


def forget(shop: Shop) -> None:
    """Drop the seed tables."""
    with connection.cursor() as cursor:
        for model in shop.models:
            cursor.execute(f"DROP TABLE seed_{model._meta.db_table}")


def grow(shop: Shop, *, events: int, progress: Callable[[str], object] = lambda text: None) -> Shop:
    """Make copies until there are at least `events` events, then vacuum and analyze."""
    grown = replace(shop, copies=max(-(-events // shop.each), shop.copies))
    step = max(BATCH // shop.each, 1)
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute(_MOVED)
        with _without_indexes(cursor, shop):
            for first in range(shop.copies, grown.copies, step):
                copies = range(first, min(first + step, grown.copies))
                for model in shop.models:
                    _copy(cursor, model, copies, shop)
                _keys(cursor, copies, shop)
                progress(f"{copies.stop * shop.each:,} events")
        cursor.execute("SELECT setval('events_position_seq', max(position)) FROM events")
        (last,) = cursor.fetchone() or (0,)
        Checkpoint.objects.update(position=last)
        ConsumerCheckpoint.objects.update(position=last)
        cursor.execute("DROP FUNCTION pg_temp.moved")
        cursor.execute("RESET ALL")
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("CHECKPOINT")
    return grown


def _copy(cursor: Any, model: type[Model], copies: range, shop: Shop) -> None:
    table = model._meta.db_table
    columns = {str(field.column): _moved(field, shop) for field in model._meta.concrete_fields}
    if model is StaffOrder:
        columns["search"] = "replace(search, order_id::text, pg_temp.moved(order_id, older)::text)"
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) OVERRIDING SYSTEM VALUE SELECT {', '.join(columns.values())}"
        f" FROM (SELECT copy, {shop.most} - copy FROM generate_series(%s, %s) copy) c (copy, older), seed_{table}"
        " ORDER BY 1",
        [copies.start, copies.stop - 1],
    )


def _moved(field: "Field[Any, Any]", shop: Shop) -> str:
    """Return the SQL of a column's value in a copy."""
    match getattr(field, "target_field", field):
        case UUIDField():
            return f"pg_temp.moved({field.column}, older)"
        case DateTimeField() | DateField():
            return f"{field.column} - older * interval '{HOURS} hours'"
        case JSONField():
            ids = ", ".join(
                f"'{name}', pg_temp.moved(({field.column} ->> '{name}')::uuid, older)" for name in _IDS_IN_JSON
            )
            return f"{field.column} || jsonb_strip_nulls(jsonb_build_object({ids}))"
        case IntegerField() if field.primary_key or field.column in _POSITIONS:
            # The key of an accounting entry is the position of its event and one more digit.
            return f"{field.column} + copy * {shop.each}::bigint * {10 if field.column == 'entry_id' else 1}"
        case _:
            return str(field.column)


def _keys(cursor: Any, copies: range, shop: Shop) -> None:
    """Create a key for each person in these copies."""
    cursor.execute(
        "SELECT DISTINCT pg_temp.moved(subject_id, %s - copy) FROM generate_series(%s, %s) copy, seed_events"
        " WHERE subject_id IS NOT NULL",
        [shop.most, copies.start, copies.stop - 1],
    )
    keys = [encryption.wrap(row[0], AESGCM.generate_key(256)) for row in cursor.fetchall()]
    cursor.execute(
        "INSERT INTO subject_keys (subject_id, wrapped_key, master)"
        " SELECT * FROM unnest(%s::uuid[], %s::bytea[], %s::text[]) ON CONFLICT DO NOTHING",
        [[key.subject_id for key in keys], [key.wrapped for key in keys], [key.master for key in keys]],
    )


@contextmanager
def _without_indexes(cursor: Any, shop: Shop) -> Iterator[None]:
    """Drop all indexes of the read models except the unique ones; create them again at the end, all at once."""
    read_models = {model for projection in PROJECTIONS.values() for model in projection.tables}
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND indexdef NOT LIKE 'CREATE UNIQUE%%'",
        [[model._meta.db_table for model in shop.models if model in read_models]],
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        cursor.execute(definition)
