"""Spaces: sets of a projection's tables, each in a PostgreSQL schema of its own.

The same code reads and writes every space; only the search path differs. The live tables are the space with the empty
name.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connection, transaction

from projections.engine.checkpoints import LIVE, Checkpoint, ParkedEvent
from projections.engine.projection import Projection

_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")
_TAKEN = ("public", "information_schema")


class SpaceGone(LookupError):
    """The schema does not exist any more: a rebuild was cancelled, or its tables dropped. The live ones are intact."""


class BadSpaceName(ValueError):
    """This name cannot be used for a space. The message says which names can."""


def require_usable(name: str) -> str:
    """Return `name` if a space may have it. Raises BadSpaceName."""
    if not _NAME.fullmatch(name) or name.startswith("pg_") or name in _TAKEN:
        raise BadSpaceName(
            f"{name!r} cannot be the schema: use lower-case letters, digits and _, such as audit_2011_03;"
            f" {_TAKEN[0]} is taken"
        )
    return name


def exists(space: str) -> bool:
    """Return whether the schema exists."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [space])
        return bool((cursor.fetchone() or (False,))[0])


def existing(spaces: Iterable[str]) -> set[str]:
    """Return those of the schemas that exist."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", [list(spaces)])
        return {name for (name,) in cursor.fetchall()}


@contextmanager
def use_space(space: str) -> Iterator[None]:
    """Open a transaction in which unqualified table names mean the tables of `space`, if it has them.

    Raises SpaceGone.
    """
    with transaction.atomic(using=DEFAULT_DB_ALIAS):
        if space == LIVE:
            yield
            return
        with connection.cursor() as cursor:
            if not exists(space):  # PostgreSQL would ignore it, and use the live tables
                raise SpaceGone(f"the schema {space} is gone")
            cursor.execute(f"SET LOCAL search_path TO {space}, public")
            yield
            cursor.execute("SET LOCAL search_path TO DEFAULT")


def create(projection: Projection, space: str) -> None:
    """Create the empty tables without their indexes. The schema may hold tables of other projections already."""
    tables, _ = _statements(projection)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {space}")
        with use_space(space):
            for statement in tables:
                cursor.execute(statement)


def create_indexes(projection: Projection, space: str) -> None:
    """Create the indexes and constraints that are missing. An earlier call may have been interrupted."""
    for statement in _statements(projection)[1]:
        with use_space(space), connection.cursor() as cursor:
            cursor.execute("SELECT indexname FROM pg_indexes WHERE schemaname = %s", [space])
            if not any(f'"{name}"' in statement for (name,) in cursor.fetchall()):
                cursor.execute(statement)


def fits(projection: Projection, space: str) -> bool:
    """Return whether the space has every table of the projection, with the same columns as the live tables."""
    return space in fitting(projection, [space])


def fitting(projection: Projection, spaces: Collection[str]) -> set[str]:
    """Return those of these spaces that fit, as `fits` says. One query for all."""
    columns: dict[str, set[tuple[str, ...]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [["public", *spaces], [model._meta.db_table for model in projection.tables]])
        for space, *column in cursor.fetchall():
            columns.setdefault(space, set()).add(tuple(column))
    return {space for space in spaces if columns.get(space) == columns["public"]}


def drop(projection: Projection, space: str) -> None:
    """Drop the projection's tables and checkpoints in the space, and the schema once it is empty."""
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
    """Return the statements that create the tables, and those that create the indexes, as migrations would."""
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
