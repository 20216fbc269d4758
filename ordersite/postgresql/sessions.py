"""Set up each new session of PostgreSQL: its settings come from here, never from the server's defaults.

Three layers, because a transaction pooler may give each transaction another session (docs/decisions/43):

- every BEGIN names its isolation level, at no cost (`set_up`);
- every new session gets the settings of `PINNED`, in one round trip (`set_up`); behind a pooler, every transaction does
  (`pin_for_transaction`);
- what the log cannot do without, its statements ask for themselves: an append sets `synchronous_commit`, and
  `events_horizon()` refuses to be read in a transaction of another isolation level.

Settings that a session may not change are checked instead: `eventstore.storage.requirements`.
"""

from typing import Any

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import NotSupportedError
from psycopg.pq import ExecStatus

PINNED = {
    "default_transaction_isolation": "read committed",  # statements outside of transactions
    "default_transaction_deferrable": "off",
    "standard_conforming_strings": "on",  # what \ means in a literal
    "array_nulls": "on",  # whether NULL in an array is a text
    "transform_null_equals": "off",
    "gin_fuzzy_search_limit": "0",  # any other value makes searches leave out rows at random
    "bytea_output": "hex",
    "DateStyle": "ISO, MDY",  # psycopg reads no other style of dates and intervals
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
}
"""Session settings and the values that every session gets."""

TIME_LIMITS = {"statement_timeout": 0, "idle_in_transaction_session_timeout": 0, "transaction_timeout": 170_000}
"""Settings that end work after a time, and the PostgreSQL version that brought each.

Requests keep what the owner of the role set. The site's commands lift them: a rebuild takes as long as it takes.
"""

SAFE_IN_STATEMENTS = {"default_transaction_isolation", "default_transaction_deferrable", "synchronous_commit"}
"""Settings whose default does no harm to a single statement. An append sets the last one itself."""

ENCODING = "UTF8"
_SETTINGS = [f"set_config('{name}', '{value}', false)" for name, value in PINNED.items()]
# A commit must be on disk before it is acknowledged. Whether it waits for standbys too is the owner's choice.
_DURABLE = (
    "CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END"
)
# A hot standby whose default is `serializable` begins no transaction unless it names a level.
_PIN = f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT {', '.join(_SETTINGS)}, {_DURABLE}; COMMIT"


def set_up(connection: psycopg.Connection[Any]) -> None:
    """Pin what the site relies on. Raises NotSupportedError if the database is not encoded in UTF-8, psycopg.Error."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != ENCODING:
        raise NotSupportedError(
            f"the database {connection.info.dbname} is encoded in {encoding}, and not every name fits into that:"
            f" create it with ENCODING '{ENCODING}' TEMPLATE template0, and restore a dump of this one into it"
        )
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    connection.autocommit = True
    connection.execute(_PIN)


def lift_time_limits(connection: psycopg.Connection[Any]) -> None:
    """Let statements and transactions of this session take as long as they take. Raises psycopg.Error."""
    lifted = ", ".join(f"set_config('{name}', '0', false)" for name in _known_limits(connection))
    connection.execute(f"SELECT {lifted}")


def _known_limits(connection: psycopg.Connection[Any]) -> list[str]:
    return [name for name, since in TIME_LIMITS.items() if connection.info.server_version >= since]


def pin_for_transaction(connection: psycopg.Connection[Any], *, limited: bool = True) -> str:
    """Return the statements that pin the settings for one transaction, as the first ones of each behind a pooler.

    Unless it is `limited`, they lift the time limits, too.

    `SET LOCAL`, because a SELECT before it would forbid SET TRANSACTION. Raises psycopg.Error.
    """
    settings = dict(PINNED)
    default = connection.execute("SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'").fetchone()
    if default == ("off",):
        settings["synchronous_commit"] = "on"
    if not limited:
        settings |= dict.fromkeys(_known_limits(connection), "0")
    return "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in settings.items())


def is_pooled(connection: psycopg.Connection[Any]) -> bool:
    """Return whether a pooler answers: it cannot tell its client the process that will run the statements.

    Through libpq, because a cursor of psycopg may begin a transaction. Raises psycopg.OperationalError.
    """
    result = connection.pgconn.exec_(b"SELECT pg_backend_pid()")
    if result.status != ExecStatus.TUPLES_OK:
        raise psycopg.OperationalError(f"the connection was lost at once: {connection.pgconn.get_error_message()}")
    return result.get_value(0, 0) != str(connection.info.backend_pid).encode()


def hostile_defaults(wrapper: BaseDatabaseWrapper) -> list[tuple[str, str, str]]:
    """Return the settings whose default would not do: name, default and the value that sessions of this site get."""
    needed = {name.lower(): (name, value) for name, value in {**PINNED, "synchronous_commit": "on"}.items()}
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT lower(name), reset_val FROM pg_settings WHERE lower(name) = ANY(%s)", [list(needed)])
        defaults = dict(cursor.fetchall())
    return [
        (name, defaults[key], value)
        for key, (name, value) in needed.items()
        if (defaults[key] == "off" if key == "synchronous_commit" else defaults[key] != value)
    ]
