"""A second set of a projection's tables, in a PostgreSQL schema of its own, for the unmodified code: a space.

Only the search path differs. The live tables are the space whose name is empty.
"""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connection, transaction

from projections.engine.checkpoints import LIVE, Checkpoint, ParkedEvent
from projections.engine.projection import Projection

_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")
_TAKEN = ("public", "information_schema")


class SpaceGone(LookupError):
    """The schema is not there any more: somebody cancelled, or dropped it. The live tables were left alone."""


class BadSpaceName(ValueError):
    """No schema of ours may be called that. The message says what may."""


def require_usable(name: str) -> str:
    """Raises BadSpaceName."""
    if not _NAME.fullmatch(name) or name.startswith("pg_") or name in _TAKEN:
        raise BadSpaceName(
            f"{name!r} cannot be the schema: use small letters, digits and _, such as audit_2011_03; not {_TAKEN[0]}"
        )
    return name


def exists(space: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [space])
        return bool((cursor.fetchone() or (False,))[0])


@contextmanager
def use_space(space: str) -> Iterator[None]:
    """A transaction in which tables are looked for in `space` first. Raises SpaceGone."""
    with transaction.atomic(using=DEFAULT_DB_ALIAS):
        if space == LIVE:
            yield
            return
        with connection.cursor() as cursor:
            if not exists(space):  # PostgreSQL would pass over it in silence, and meet the live tables
                raise SpaceGone(f"the schema {space} is gone")
            cursor.execute(f"SET LOCAL search_path TO {space}, public")
            yield
            cursor.execute("SET LOCAL search_path TO DEFAULT")


def create(projection: Projection, space: str) -> None:
    """The empty tables, without their indexes. The schema may hold other projections already."""
    tables, _ = _statements(projection)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {space}")
        with use_space(space):
            for statement in tables:
                cursor.execute(statement)


def create_indexes(projection: Projection, space: str) -> None:
    """Those that are not there yet: one call after another may be broken off."""
    for statement in _statements(projection)[1]:
        with use_space(space), connection.cursor() as cursor:
            cursor.execute("SELECT indexname FROM pg_indexes WHERE schemaname = %s", [space])
            if not any(f'"{name}"' in statement for (name,) in cursor.fetchall()):
                cursor.execute(statement)


def fits(projection: Projection, space: str) -> bool:
    """Whether every table is there, with the very columns that the models have."""
    return space in fitting(projection, [space])


def fitting(projection: Projection, spaces: Collection[str]) -> set[str]:
    """Which of these spaces have every table of it, with the very columns that the models have."""
    columns: dict[str, set[tuple[str, ...]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [["public", *spaces], [model._meta.db_table for model in projection.tables]])
        for space, *column in cursor.fetchall():
            columns.setdefault(space, set()).add(tuple(column))
    return {space for space in spaces if columns.get(space) == columns["public"]}


def drop(projection: Projection, space: str) -> None:
    """The projection's tables and checkpoints there, and the schema once nothing is left in it."""
    with transaction.atomic(), connection.cursor() as cursor:
        if exists(space):
            for model in projection.tables:
                cursor.execute(f"DROP TABLE IF EXISTS {space}.{model._meta.db_table}")
            cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace(%s)", [space])
            if cursor.fetchone() == (0,):
                cursor.execute(f"DROP SCHEMA {space}")
        Checkpoint.objects.filter(projection=projection.name, space=space).delete()
        ParkedEvent.objects.filter(projection=projection.name, space=space).delete()


def _statements(projection: Projection) -> tuple[list[str], list[str]]:
    """What makes the tables, and what makes their indexes, as Django's migrations would."""
    with connection.schema_editor(collect_sql=True) as editor:
        for model in projection.tables:
            editor.create_model(model)
        tables = [str(statement) for statement in editor.collected_sql]
    return tables, [str(statement) for statement in editor.collected_sql[len(tables) :]]


_COLUMNS = """
SELECT nspname, relname, attname, format_type(atttypid, atttypmod), attnotnull::text
  FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
 WHERE nspname = ANY(%s) AND relname = ANY(%s) AND attnum > 0 AND NOT attisdropped
"""
