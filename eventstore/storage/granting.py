"""Make the three roles, hand the site's tables over to them, and grant what each needs. See docs/decisions/70."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from eventstore.models import Contents
from eventstore.storage.roles import (
    MIGRATIONS,
    READABLE,
    Roles,
    append_only_tables,
    log_schema,
    quoted,
    rights_to,
    views_schema,
)
from eventstore.storage.server_log import NO_VALUES_IN_LOG

LOCK_TIMEOUT = "10s"
_ATTRIBUTES = ("SUPERUSER", "CREATEDB", "CREATEROLE", "REPLICATION", "BYPASSRLS")


def set_up(roles: Roles, tables: Mapping[str, Contents], passwords: Mapping[str, str]) -> None:
    """Create the roles or correct them, hand the site's tables over, and grant what each role needs. All or nothing.

    `passwords` are by name of role; a role without one keeps what it has. Needs a superuser, or a login that may create
    roles and owns the database and its tables. Raises Django's database errors.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        for role in roles.all:
            _create_role(cursor, role, passwords.get(role))
        cursor.execute(f"REVOKE {roles.owner} FROM {roles.app}")
        cursor.execute(f"GRANT {roles.app} TO {roles.owner}")  # migrations change the read models' tables too
        with _membership(cursor, roles):
            _make_schemas(cursor, roles)
            _hand_over(cursor, roles, tables)
            grant(roles, tables)
        _log_no_values(cursor, roles)


def grant(roles: Roles, tables: Mapping[str, Contents]) -> None:
    """Give each of these tables that exists to its owner, and grant what the other roles need, and nothing else.

    Needs the owner of the tables. Raises Django's database errors.
    """
    schema, views = quoted(log_schema()), quoted(views_schema())
    remade = [name for name, contents in tables.items() if contents is Contents.REMADE]
    with transaction.atomic(), connection.cursor() as cursor:
        for name in sorted(_tables_in(cursor, log_schema(), remade)):
            cursor.execute(f"ALTER TABLE {schema}.{quoted(name)} SET SCHEMA {views}")
        for name in sorted(_tables_in(cursor, views_schema(), remade)):
            cursor.execute(f"ALTER TABLE {views}.{quoted(name)} OWNER TO {roles.app}")
            cursor.execute(f"GRANT SELECT ON {views}.{quoted(name)} TO {roles.reader}")
        append_only = set(append_only_tables())
        for name in sorted(_tables_in(cursor, log_schema(), [*tables, MIGRATIONS])):
            _grant_table(cursor, roles, name, append_only=name in append_only)


# --- steps ------------------------------------------------------------------------------------------------------------


def _create_role(cursor: Any, role: str, password: str | None) -> None:
    """Create the role, or take from it what it must not have. The password is sent as a digest only."""
    cursor.execute(_ROLE, [role])
    found = cursor.fetchone()
    if found is None:
        cursor.execute(f"CREATE ROLE {role} LOGIN")
    elif excess := [f"NO{name}" for name, has in zip(_ATTRIBUTES, found, strict=True) if has]:
        cursor.execute(f"ALTER ROLE {role} {' '.join(excess)}")
    if password:
        digest = connection.connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
        cursor.execute(f"ALTER ROLE {role} LOGIN PASSWORD %s", [digest.decode()])


@contextmanager
def _membership(cursor: Any, roles: Roles) -> Iterator[None]:
    """Let a login that is no superuser give objects to the roles, inside the block only."""
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if cursor.fetchone()[0]:
        yield
        return
    cursor.execute(f"GRANT {roles.owner}, {roles.app} TO CURRENT_USER")
    yield
    cursor.execute(f"REVOKE {roles.owner}, {roles.app} FROM CURRENT_USER")


def _log_no_values(cursor: Any, roles: Roles) -> None:
    """Let the server log no value of a statement of these roles. Only a superuser can; `check --deploy` tells."""
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if not cursor.fetchone()[0]:
        return
    database = quoted(str(connection.settings_dict["NAME"]))
    for role in roles.all:
        for name, value in NO_VALUES_IN_LOG.items():
            cursor.execute(f"ALTER ROLE {role} IN DATABASE {database} SET {name} = '{value}'")


def _make_schemas(cursor: Any, roles: Roles) -> None:
    """Make the schema of what can be made again, and pin the search path. The log's schema comes first."""
    schema, views = quoted(log_schema()), quoted(views_schema())
    database = quoted(str(connection.settings_dict["NAME"]))
    cursor.execute(_EXTENSION_SCHEMAS, [[log_schema(), views_schema()]])
    path = ", ".join([schema, views, *(quoted(name) for (name,) in cursor.fetchall())])
    statements = (
        f"GRANT CONNECT, TEMPORARY, CREATE ON DATABASE {database} TO {roles.owner}, {roles.app}",
        f"GRANT CONNECT ON DATABASE {database} TO {roles.reader}",
        f"ALTER SCHEMA {schema} OWNER TO {roles.owner}",  # the owner of a schema may drop what is in it
        f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {roles.app}, {roles.reader}",
        f"GRANT USAGE ON SCHEMA {schema} TO {roles.app}, {roles.reader}",
        f"CREATE SCHEMA IF NOT EXISTS {views}",
        f"ALTER SCHEMA {views} OWNER TO {roles.app}",
        f"GRANT USAGE ON SCHEMA {views} TO {roles.reader}",
        # A rebuild makes new tables, in new schemas, and swaps them in.
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {roles.app} GRANT SELECT ON TABLES TO {roles.reader}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {roles.app} GRANT USAGE ON SCHEMAS TO {roles.reader}",
        *(f"ALTER ROLE {role} IN DATABASE {database} SET search_path = {path}" for role in roles.all),
    )
    for statement in statements:
        cursor.execute(statement)
    if log_schema() == "public":  # other sites' roles share the login of the administrator
        cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET search_path = {path}")


def _hand_over(cursor: Any, roles: Roles, tables: Mapping[str, Contents]) -> None:
    """Give the owner all that the log's owner so far has in its schema, and the application the rebuilt read models."""
    cursor.execute(_PREVIOUS_OWNER)
    previous = (cursor.fetchone() or (None,))[0]
    remade = [name for name, contents in tables.items() if contents is Contents.REMADE]
    values = {"schema": log_schema(), "previous": previous, "owner": roles.owner, "names": [*tables, MIGRATIONS]}
    for query in (_RELATIONS, _FUNCTIONS):
        cursor.execute(query, values)
        for (thing,) in cursor.fetchall():
            cursor.execute(f"ALTER {thing} OWNER TO {roles.owner}")
    cursor.execute(_REBUILT, {**values, "remade": remade, "views": views_schema()})
    rebuilt = cursor.fetchall()
    for schema in sorted({schema for schema, _ in rebuilt}):
        cursor.execute(f"ALTER SCHEMA {quoted(schema)} OWNER TO {roles.app}")
        cursor.execute(f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {roles.reader}")
    for schema, table in rebuilt:
        cursor.execute(f"ALTER TABLE {quoted(schema)}.{quoted(table)} OWNER TO {roles.app}")
        cursor.execute(f"GRANT SELECT ON {quoted(schema)}.{quoted(table)} TO {roles.reader}")


def _tables_in(cursor: Any, schema: str, names: Sequence[str]) -> list[str]:
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%s))"
        " AND relname = ANY(%s) AND relkind IN ('r', 'p')",
        [schema, list(names)],
    )
    return [name for (name,) in cursor.fetchall()]


def _grant_table(cursor: Any, roles: Roles, name: str, *, append_only: bool) -> None:
    """Grant exactly what the application and the reader need. What was granted to them before is revoked."""
    table = f"{quoted(log_schema())}.{quoted(name)}"
    is_readable = append_only or name in READABLE
    cursor.execute(f"REVOKE ALL ON {table} FROM PUBLIC, {roles.app}, {roles.reader}")
    rights = list(rights_to(name, [name] if append_only else []))
    if append_only:  # the position and the recorded time are the server's
        cursor.execute(_GIVEN_COLUMNS, [table])
        rights[rights.index("INSERT")] = f"INSERT ({', '.join(quoted(column) for (column,) in cursor.fetchall())})"
    cursor.execute(f"GRANT {', '.join(rights)} ON {table} TO {roles.app}")
    if is_readable:
        cursor.execute(f"GRANT SELECT ON {table} TO {roles.reader}")
    cursor.execute(_SEQUENCES, [table])
    for sequence, is_default in cursor.fetchall():
        cursor.execute(f"REVOKE ALL ON SEQUENCE {sequence} FROM PUBLIC, {roles.app}, {roles.reader}")
        more = ", USAGE" if is_default or not append_only else ""
        cursor.execute(f"GRANT SELECT{more} ON SEQUENCE {sequence} TO {roles.app}")
        if is_readable:
            cursor.execute(f"GRANT SELECT ON SEQUENCE {sequence} TO {roles.reader}")


# --- SQL --------------------------------------------------------------------------------------------------------------

_PREVIOUS_OWNER = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass('events')"
_ROLE = """
SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = %s
"""
_EXTENSION_SCHEMAS = """
SELECT DISTINCT nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace
 WHERE nspname <> 'pg_catalog' AND nspname <> ALL(%s) ORDER BY 1
"""
_NO_EXTENSION = "NOT EXISTS (SELECT FROM pg_depend WHERE classid = {catalogue} AND objid = {oid} AND deptype = 'e')"
# A sequence that belongs to a column follows the owner of the table.
_RELATIONS = f"""
SELECT format('%%s %%I.%%I', CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW'
              WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, %(schema)s::text, relname)
  FROM pg_class c
 WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND relkind IN ('r', 'p', 'v', 'm', 'S')
   AND (pg_get_userbyid(relowner) = %(previous)s OR relname = ANY(%(names)s))
   AND pg_get_userbyid(relowner) <> %(owner)s
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND relkind = 'S'
                      AND deptype IN ('a', 'i'))
   AND {_NO_EXTENSION.format(catalogue="'pg_class'::regclass", oid="c.oid")}
 ORDER BY relispartition, relname
"""
_FUNCTIONS = f"""
SELECT format('ROUTINE %%s', p.oid::regprocedure) FROM pg_proc p
 WHERE pronamespace = to_regnamespace(quote_ident(%(schema)s)) AND prokind IN ('f', 'p')
   AND (pg_get_userbyid(proowner) = %(previous)s OR proname IN ('events_horizon', 'events_refuse_change'))
   AND pg_get_userbyid(proowner) <> %(owner)s
   AND {_NO_EXTENSION.format(catalogue="'pg_proc'::regclass", oid="p.oid")}
"""
_REBUILT = """
SELECT nspname, relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE relname = ANY(%(remade)s) AND relkind IN ('r', 'p') AND pg_get_userbyid(relowner) = %(previous)s
   AND nspname NOT IN (%(schema)s, %(views)s) AND nspname !~ '^pg_'
 ORDER BY 1, 2
"""
_GIVEN_COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
   AND attidentity = '' AND attgenerated = '' AND NOT atthasdef ORDER BY attnum
"""
_SEQUENCES = """
SELECT objid::regclass::text, deptype = 'a' FROM pg_depend d JOIN pg_class s ON s.oid = objid AND s.relkind = 'S'
 WHERE d.classid = 'pg_class'::regclass AND d.refobjid = %s::regclass AND deptype IN ('a', 'i')
"""
