"""Three roles of the database, so that the site's own login cannot change the log. See docs/decisions/70.

- `NAME_owner` owns the log and all else that cannot be made again. Migrations and conversions run as this role.
- `NAME_app` is the login of web servers and workers. It appends to the log and reads it. It owns what can be made
  again, in a schema of its own, so it can rebuild and swap read models.
- `NAME_reader` reads the log and the read models, for reports. It sees no keys, passwords or tokens.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

VIEWS = "views"
"""The schema of the tables that can be made again. A site outside of `public` puts the name of its schema in front."""

MIGRATIONS = "django_migrations"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")


class BadRoleName(ValueError):
    """The roles cannot have this name. Use lower-case letters, digits and _, at most 51."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The names of the three roles of a site."""

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadRoleName(
                f"{self.name!r} cannot name roles: use lower-case letters, digits and _, such as --name shop"
            )

    @property
    def owner(self) -> str:
        """Return the name of the role that owns the log."""
        return f"{self.name}_owner"

    @property
    def app(self) -> str:
        """Return the name of the site's own login."""
        return f"{self.name}_app"

    @property
    def reader(self) -> str:
        """Return the name of the role that only reads."""
        return f"{self.name}_reader"

    @property
    def all(self) -> tuple[str, str, str]:
        """Return all three names."""
        return (self.owner, self.app, self.reader)


def log_schema() -> str:
    """Return the schema of the log's tables; before the first migration, the one in which it will make them.

    A login that made the roles may no longer use the schema; then it is found by the search path all the same.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOG_SCHEMA)
        return str(cursor.fetchone()[0])


def views_schema() -> str:
    """Return the schema of the tables that can be made again, once the site has roles."""
    schema = log_schema()
    return VIEWS if schema == "public" else f"{schema}_{VIEWS}"


def default_name() -> str:
    """Return the name for the roles of this site: that of its schema, or of its database."""
    schema = log_schema()
    return schema if schema != "public" else str(connection.settings_dict["NAME"])


def append_only_tables() -> list[str]:
    """Return the names of the tables whose rows are only ever added: those that a trigger guards, and no partitions."""
    with connection.cursor() as cursor:
        cursor.execute(_APPEND_ONLY)
        return [name for (name,) in cursor.fetchall()]


RIGHTS = {
    "command_receipts": ("SELECT", "INSERT", "DELETE"),  # an erasure deletes receipts
    "subject_keys": ("SELECT", "INSERT", "UPDATE"),  # an erased subject keeps its row
    MIGRATIONS: ("SELECT",),
}
"""What the application may do with these tables. Of others that it does not own: SELECT, INSERT, UPDATE, DELETE."""

READABLE = ("command_receipts", MIGRATIONS)
"""What the reader sees besides the append-only tables and what can be made again."""


def rights_to(table: str, append_only: Sequence[str]) -> tuple[str, ...]:
    """Return the privileges that the application has on a table that it does not own."""
    if table in append_only:
        return ("SELECT", "INSERT")
    return RIGHTS.get(table, ("SELECT", "INSERT", "UPDATE", "DELETE"))


def quoted(name: str) -> str:
    """Return a name for use in SQL."""
    return str(connection.ops.quote_name(name))


# `listed` has schemas of the search path that the login may not use, too.
_LOG_SCHEMA = """
WITH listed AS (
  SELECT n.oid, nspname
    FROM unnest(string_to_array(current_setting('search_path'), ',')) WITH ORDINALITY s (item, place)
    JOIN pg_namespace n ON nspname = replace(trim(item, ' "'), '$user', current_user) ORDER BY place)
SELECT coalesce(
  (SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = to_regclass('events')),
  (SELECT nspname FROM listed JOIN pg_class ON relnamespace = listed.oid AND relname = 'events' LIMIT 1),
  current_schema(),
  (SELECT nspname FROM listed LIMIT 1),
  'public')
"""
_APPEND_ONLY = """
SELECT DISTINCT c.relname::text FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid JOIN pg_proc p ON p.oid = tgfoid
 WHERE p.oid = to_regprocedure('events_refuse_change()') AND NOT c.relispartition
   AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('events'))
 ORDER BY 1
"""
