"""What the log relies on in PostgreSQL and cannot set itself: findings say what is not so, by name.

`manage.py check --database default` reports them, web servers and workers do not start with one (`require`), and a
worker looks again every minute (`eventstore.storage.watch`). Settings that a session can choose are pinned instead
(docs/decisions/43). docs/the-log.md lists the rest.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection, transaction

log = logging.getLogger(__name__)

_SETTINGS = {
    "standard_conforming_strings": ("on", "the site's SQL would be read differently"),
    "session_replication_role": ("origin", "foreign keys and triggers are not enforced"),
    "transaction_read_only": ("off", "nothing can be written: is this a standby, or was the database made read-only?"),
    "fsync": ("on", "a power failure loses or corrupts the log"),
    "full_page_writes": ("on", "a power failure corrupts the log"),
    "zero_damaged_pages": ("off", "damaged pages are emptied without a word"),
    "ignore_checksum_failure": ("off", "damaged pages are read as if they were whole"),
}
"""Settings of the server, the value that each must have in a session of the site, and what happens otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that the log relies on and that is not so. `name` is stable; `hint` says what to do."""

    name: str
    message: str
    hint: str

    @property
    def check_id(self) -> str:
        """The id of the finding as a system check."""
        return f"eventstore.{self.name}"

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}"


class UnsafeServer(RuntimeError):
    """The log would not be safe on this server. The message names each setting or table, and says what to do."""


def findings() -> list[Finding]:
    """Return what is not as the log needs it. The log's tables must exist. Raises Django's database errors.

    A finding that SILENCED_SYSTEM_CHECKS names, such as `eventstore.fsync`, is left out.
    """
    with transaction.atomic():  # as the site's transactions see the server, behind a pooler too
        return [each for each in _all() if each.check_id not in settings.SILENCED_SYSTEM_CHECKS]


def require() -> None:
    """Raise UnsafeServer if there are findings. A server that does not answer yet is looked at later, by the watch."""
    try:
        found = findings()
    except DatabaseError as error:
        log.warning("the database could not be checked at the start: %s", error)
        return
    finally:
        connection.close()  # a server forks after this
    if found:
        raise UnsafeServer("; ".join(str(finding) for finding in found))


def _all() -> Iterator[Finding]:
    yield from _settings()
    for name, statement, message, hint in _CATALOGUE:
        for row in _rows(statement):
            yield Finding(name=name, message=message.format(*row), hint=hint)
    yield from _tables()
    if connection.connection.info.server_version >= COLLATION_VERSIONS_SINCE:
        for row in _rows(_COLLATION):
            yield Finding(
                name="collation",
                message="the sort order of texts changed from version {} to {}, so indexes may be wrong".format(*row),
                hint="REINDEX DATABASE, then ALTER DATABASE … REFRESH COLLATION VERSION.",
            )


def _rows(statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _settings() -> Iterator[Finding]:
    rows = _rows("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", ([*_SETTINGS, "synchronous_commit"],))
    current: dict[str, str] = dict(rows)
    for name, (needed, reason) in _SETTINGS.items():
        if name in current and current[name] != needed:
            yield Finding(
                name=name,
                message=f"{name} is {current[name]!r} and must be {needed!r}: {reason}",
                hint="Set it in postgresql.conf, or with ALTER DATABASE or ALTER ROLE; then restart the site.",
            )
    if current["synchronous_commit"] == "off":
        yield Finding(
            name="synchronous_commit",
            message="synchronous_commit is 'off': what was acknowledged is lost if the server dies",
            hint="Set it to 'on' with ALTER DATABASE or ALTER ROLE; then restart the site.",
        )


def _tables() -> Iterator[Finding]:
    """Check the tables of all models: a read model must survive a crash exactly if its checkpoint does."""
    tables = [model._meta.db_table for model in apps.get_models()]
    for table, is_logged, is_filtered in _rows(_TABLES, (tables,)):
        if not is_logged:
            yield Finding(
                name="unlogged",
                message=f"the table {table} is UNLOGGED: PostgreSQL empties it after a crash",
                hint=f"ALTER TABLE {table} SET LOGGED.",
            )
        if is_filtered:
            yield Finding(
                name="row_security",
                message=f"row level security hides rows of {table} from this role",
                hint=f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, or give the role BYPASSRLS.",
            )


COLLATION_VERSIONS_SINCE = 150_000  # the first PostgreSQL version that knows the collation version of a database
_COLLATION = """
SELECT datcollversion, pg_database_collation_actual_version(oid) FROM pg_database
 WHERE datname = current_database() AND datcollversion <> pg_database_collation_actual_version(oid)
"""
_TABLES = """
SELECT relname, relpersistence = 'p', row_security_active(oid) FROM pg_class
 WHERE oid IN (SELECT to_regclass(quote_ident(name)) FROM unnest(%s::text[]) name)
    OR oid IN (SELECT relid FROM pg_partition_tree('events'))
 ORDER BY relname
"""
_EVENTS = "SELECT 'events'::regclass AS relid UNION SELECT relid FROM pg_partition_tree('events')"
_SEQUENCE = "FROM pg_sequence s WHERE s.seqrelid = 'events_position_seq'::regclass"
_UNIQUE = """
SELECT 1 WHERE NOT EXISTS (
       SELECT FROM pg_index i WHERE indrelid = '{table}'::regclass AND indisunique AND indimmediate AND indisvalid
          AND indisready AND indislive AND indpred IS NULL AND ARRAY(
              SELECT attname::text FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY(i.indkey) ORDER BY 1)
              = ARRAY[{columns}])
"""
# Name, statement that returns a row for each problem, message with the row's values, and hint.
_CATALOGUE = (
    (
        "sequence_cache",
        f"SELECT seqcache {_SEQUENCE} AND seqcache <> 1",
        "the sequence of positions has CACHE {}: sessions take positions that the horizon does not know of",
        "ALTER SEQUENCE events_position_seq CACHE 1, then restart the site, because sessions keep what they cached.",
    ),
    (
        "sequence_increment",
        f"SELECT seqincrement {_SEQUENCE} AND (seqincrement <> 1 OR seqcycle)",
        "the sequence of positions has INCREMENT {}, or CYCLE: positions must grow by 1",
        "ALTER SEQUENCE events_position_seq INCREMENT 1 NO CYCLE.",
    ),
    (
        "sequence_limit",
        f"SELECT seqmax {_SEQUENCE} AND seqmax < 9223372036854775807",
        "the sequence of positions ends at {}",
        "ALTER SEQUENCE events_position_seq AS bigint NO MAXVALUE.",
    ),
    (
        "sequence_behind",
        """SELECT last_value, top FROM events_position_seq, (SELECT max(position) AS top FROM events) log
            WHERE top > last_value""",
        "the sequence of positions is at {}, behind the last event at {}: readers would never see the next events",
        "SELECT setval('events_position_seq', max(position)) FROM events, before anything else is written.",
    ),
    (
        "search_path",
        """SELECT proname, pronamespace::regnamespace, relnamespace::regnamespace FROM pg_proc, pg_class c
            WHERE pg_proc.oid = to_regprocedure('events_horizon()') AND c.oid = 'events'::regclass
              AND pronamespace <> relnamespace""",
        "the function {} is taken from the schema {}, but the log is in {}: another function decides what readers skip",
        "Name the schema of the log first in search_path, or drop the other function.",
    ),
    (
        "append_only",
        f"""SELECT relid::regclass FROM ({_EVENTS} UNION SELECT 'seals'::regclass) t WHERE NOT EXISTS (
              SELECT FROM pg_trigger WHERE tgrelid = relid AND tgenabled = 'A'
                 AND tgname IN ('events_append_only', 'seals_append_only'))""",
        "the trigger that refuses changes of {} is missing, or not enabled ALWAYS",
        "ALTER TABLE … ENABLE ALWAYS TRIGGER events_append_only (or seals_append_only), then run verify_log.",
    ),
    (
        "one_version",
        _UNIQUE.format(table="events", columns="'aggregate_id', 'version'"),
        "no valid unique index on (aggregate_id, version) of events: two commands could get the same version",
        "Look for duplicates, then add the constraint events_aggregate_version again.",
    ),
    (
        "one_receipt",
        _UNIQUE.format(table="command_receipts", columns="'command_id'"),
        "no valid unique index on command_id of command_receipts: a command could be done twice",
        "Look for duplicates, then add the primary key again.",
    ),
)
