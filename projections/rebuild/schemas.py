"""Spaces: sets of a projection's tables, each in a PostgreSQL schema of its own.

The same code reads and writes every space; only the search path differs. The live tables are the space with the empty
name. They are in the schema in which `migrate` made them, or in that of the application (`eventstore.storage.roles`).
"""

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connection, models, transaction

from eventstore.storage.roles import VIEWS
from projections.engine import taken
from projections.engine.checkpoints import LIVE, Checkpoint, ParkedEvent
from projections.engine.projection import Projection

_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")
_TAKEN = ("public", "information_schema", VIEWS)
_LONGEST = 63  # bytes: PostgreSQL silently cuts off the rest of a name


class SpaceGone(LookupError):
    """The schema does not exist any more: a rebuild was cancelled, or its tables dropped. The live ones are intact."""


class BadSpaceName(ValueError):
    """This name cannot be used for a space. The message says which names can."""


def schema_of(space: str) -> str:
    """Return the name of the PostgreSQL schema that holds the tables of the space.

    A site whose log is in another schema than `public` may share its database with other sites. So the names of its
    other schemas begin with the name of that one.
    """
    return schemas_of([space])[space]


def schemas_of(spaces: Iterable[str]) -> dict[str, str]:
    """Return the schema of each of the spaces, as `schema_of` says. One query for all."""
    with connection.cursor() as cursor:
        cursor.execute(_SITE_SCHEMAS)
        live, log = cursor.fetchone()
    prefix = "" if log == "public" else f"{log}_"
    return {space: f"{prefix}{space}" if space != LIVE else str(live) for space in spaces}


def quoted(space: str) -> str:
    """Return the name of the space's schema for use in SQL."""
    return str(connection.ops.quote_name(schema_of(space)))


def table_in(space: str, model: type[models.Model]) -> str:
    """Return the name of the model's table in the space, for use in SQL."""
    return f"{quoted(space)}.{connection.ops.quote_name(model._meta.db_table)}"


def require_usable(name: str) -> str:
    """Return `name` if a space may have it. Raises BadSpaceName."""
    taken = {*_TAKEN, schema_of(LIVE)}
    if not _NAME.fullmatch(name) or name.startswith("pg_") or name in taken:
        raise BadSpaceName(
            f"{name!r} cannot be the schema: use lower-case letters, digits and _, such as audit_2011_03;"
            f" {schema_of(LIVE)} is taken"
        )
    if len((schema := schema_of(name)).encode()) > _LONGEST:
        raise BadSpaceName(f"{schema} is longer than {_LONGEST} bytes: use a shorter name than {name}")
    return name


def exists(space: str) -> bool:
    """Return whether the schema exists."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = %s)", [schema_of(space)])
        return bool((cursor.fetchone() or (False,))[0])


def existing(spaces: Iterable[str]) -> set[str]:
    """Return those of the spaces whose schema exists."""
    schemas = schemas_of(spaces)
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", [list(schemas.values())])
        found = {name for (name,) in cursor.fetchall()}
    return {space for space, schema in schemas.items() if schema in found}


@contextmanager
def use_space(space: str) -> Iterator[None]:
    """Open a transaction in which unqualified table names mean the tables of `space`, if it has them.

    Raises SpaceGone.
    """
    with transaction.atomic(using=DEFAULT_DB_ALIAS):
        if space == LIVE:
            yield
            return
        schema = schema_of(space)
        with connection.cursor() as cursor:
            cursor.execute(_USE_SCHEMA, [connection.ops.quote_name(schema), schema])
            before = cursor.fetchone()
            if before is None:  # PostgreSQL would ignore the schema, and use the live tables
                raise SpaceGone(f"the schema {schema} is gone")
            yield
            cursor.execute("SELECT set_config('search_path', %s, true)", [before[0]])


def create(projection: Projection, space: str) -> None:
    """Create the empty tables without their indexes. The schema may hold tables of other projections already."""
    tables, _ = _statements(projection)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(space)}")
        with use_space(space):
            for statement in tables:
                cursor.execute(statement)


def create_indexes(projection: Projection, space: str) -> None:
    """Create the indexes and constraints that are missing. An earlier call may have been interrupted."""
    schema = schema_of(space)
    for statement in _statements(projection)[1]:
        with use_space(space), connection.cursor() as cursor:
            cursor.execute("SELECT indexname FROM pg_indexes WHERE schemaname = %s", [schema])
            if not any(f'"{name}"' in statement for (name,) in cursor.fetchall()):
                cursor.execute(statement)


def fits(projection: Projection, space: str) -> bool:
    """Return whether the space has every table of the projection, with the same columns as the live tables."""
    return space in fitting(projection, [space])


def fitting(projection: Projection, spaces: Collection[str]) -> set[str]:
    """Return those of these spaces that fit, as `fits` says. One query for all."""
    columns: dict[str, set[tuple[str, ...]]] = {}
    schemas = schemas_of((LIVE, *spaces))
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [list(schemas.values()), [model._meta.db_table for model in projection.tables]])
        for schema, *column in cursor.fetchall():
            columns.setdefault(schema, set()).add(tuple(column))
    return {space for space in spaces if columns.get(schemas[space]) == columns[schemas[LIVE]]}


def drop(projection: Projection, space: str) -> None:
    """Drop the projection's tables and checkpoints in the space, and the schema once it is empty."""
    with transaction.atomic(), connection.cursor() as cursor:
        if exists(space):
            for model in projection.tables:
                cursor.execute(f"DROP TABLE IF EXISTS {table_in(space, model)}")
            cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = %s::regnamespace", [quoted(space)])
            if cursor.fetchone() == (0,):
                cursor.execute(f"DROP SCHEMA {quoted(space)}")
        Checkpoint.objects.filter(projection=projection.name, space=space).delete()
        ParkedEvent.objects.filter(projection=projection.name, space=space).delete()
        taken.drop(projection.name, space)


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

# By tables that no space has, because a search path that puts a space first changes what current_schema() says.
_SITE_SCHEMAS = """
SELECT coalesce(min(nspname) FILTER (WHERE relname = 'projections_checkpoint'), 'public'),
       coalesce(min(nspname) FILTER (WHERE relname = 'events'), 'public')
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE c.oid IN (to_regclass('projections_checkpoint'), to_regclass('events'))
"""
_USE_SCHEMA = """
WITH before AS MATERIALIZED (SELECT current_setting('search_path') AS path)
SELECT path, set_config('search_path', concat_ws(', ', %s, nullif(path, '')), true) FROM before
 WHERE EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = %s)
"""
