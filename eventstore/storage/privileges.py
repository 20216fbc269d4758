"""What the site's login may do that it should not, and the reverse. `manage.py check --deploy` reports it.

A site whose login owns everything works, and so does one whose login is a superuser: then only seals can show that
somebody changed the log. See docs/decisions/70.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection

from eventstore.models import Contents
from eventstore.storage.requirements import Finding
from eventstore.storage.roles import MIGRATIONS, append_only_tables, log_schema, quoted, rights_to

ONE_ROLE = ("superuser", "owner", "creator")
"""Findings about a site that has not been given its roles. It works, so these are warnings."""

_MAKE_ROLES = "Make the roles with `manage.py database_roles`, and let DATABASE_URL name the role of the application."
PARAMETERS_SINCE = 150_000  # the first PostgreSQL version in which a right to set a parameter can be granted


def excess_and_missing(tables: Mapping[str, Contents]) -> list[Finding]:
    """Return what the connected login may do and should not, and what it may not do and needs.

    `tables` are all tables of the site. The log's tables must exist. Raises Django's database errors.
    """
    powers = list(_powers())
    if powers:  # it may do everything, so the rest would say nothing new
        return powers
    return [*_changes(), *_others(), *_schemas(), *_missing(tables)]


def _rows(statement: str, values: Any = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _powers() -> Iterator[Finding]:
    """Find logins that can disable the triggers of the log, or become somebody who can."""
    ((user, is_superuser, creates_roles),) = _rows(
        "SELECT rolname, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    )
    if is_superuser:
        yield Finding(
            name="superuser",
            message=f"the site connects as {user}, a superuser, who can change the log past its triggers",
            hint=_MAKE_ROLES,
        )
        return
    if owned := [name for (name,) in _rows(_OWNED, {"tables": append_only_tables()})]:
        yield Finding(
            name="owner",
            message=f"the site connects as {user}, who owns {', '.join(owned)}, and so can disable the log's triggers",
            hint=_MAKE_ROLES,
        )
    if creates_roles:
        yield Finding(
            name="creator",
            message=f"the site connects as {user}, who can create roles and take their rights",
            hint=f"ALTER ROLE {user} NOCREATEROLE.",
        )


def _changes() -> Iterator[Finding]:
    """Find rights to change or remove what is only ever added, or to choose its place and time."""
    for table, rights in _rows(_CHANGES, {"tables": append_only_tables()}):
        yield _excess(f"{rights} on {table}", f"REVOKE {rights} ON {table} FROM CURRENT_USER or PUBLIC")
    for table, column in _rows(_SERVERS_COLUMNS, {"tables": append_only_tables()}):
        yield _excess(
            f"INSERT on the column {column} of {table}, which the server fills",
            f"REVOKE INSERT ON {table} and grant it on the other columns: `manage.py database_roles` does",
        )
    for (sequence,) in _rows(_SEQUENCE):
        yield _excess(f"UPDATE on {sequence}, so it could set back the positions", f"REVOKE UPDATE ON {sequence}")
    if connection.connection.info.server_version >= PARAMETERS_SINCE:
        for (name,) in _rows(_PARAMETER):
            yield _excess(
                f"SET on {name}, which switches off triggers and foreign keys", f"REVOKE SET ON PARAMETER {name}"
            )


def _others() -> Iterator[Finding]:
    """Find other roles than the owner that may change what is only ever added."""
    for grantee, rights, table in _rows(_GRANTED_TO_OTHERS, {"tables": append_only_tables()}):
        yield Finding(
            name="granted",
            message=f"{grantee} has {rights} on {table}, whose rows are only ever added",
            hint=f"REVOKE {rights} ON {table} FROM {grantee}.",
        )


def _schemas() -> Iterator[Finding]:
    schema = log_schema()
    if _rows("SELECT 1 WHERE has_schema_privilege(%s, 'CREATE')", [schema]):
        yield _excess(
            f"CREATE on the schema {schema}, so it could put functions beside those of the log",
            f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC",
        )
    for (name,) in _rows(_FIRST_SCHEMA):
        yield Finding(
            name="path",
            message=f"the schema {name} comes before that of the log in the search path, and the site's login owns it",
            hint="Run `manage.py database_roles`: it sets the search path of the roles.",
        )


def _missing(tables: Mapping[str, Contents]) -> Iterator[Finding]:
    """Find what a login without power over the log needs."""
    append_only = append_only_tables()
    hint = "Run `manage.py database_roles` again, as an administrator."
    lacking: list[str] = []
    for table, contents in {**tables, MIGRATIONS: Contents.TRUTH}.items():
        if contents is Contents.REMADE:
            wanted = [("ownership", "pg_has_role(relowner, 'USAGE')")]
        else:
            wanted = [(right, _HAS_RIGHT.format(right)) for right in rights_to(table, append_only)]
        for right, condition in wanted:
            if _rows(f"SELECT 1 FROM pg_class WHERE oid = to_regclass(%s) AND NOT {condition}", [quoted(table)]):
                lacking.append(f"{right} of {table}" if right == "ownership" else f"{right} on {table}")
    if _rows("SELECT 1 WHERE NOT has_database_privilege(current_database(), 'CREATE')"):
        lacking.append("CREATE on the database")
    if lacking:
        yield Finding(
            name="missing_rights",
            message=f"the site's login lacks {', '.join(lacking)}, so commands, read models or rebuilds fail",
            hint=hint,
        )


def _excess(what: str, hint: str) -> Finding:
    return Finding(name="rights", message=f"the site's login has {what}", hint=f"{hint}.")


_GUARDED = """
(SELECT oid, oid::regclass AS name, relowner, relacl FROM pg_class WHERE oid IN (
   SELECT to_regclass(quote_ident(name)) FROM unnest(%(tables)s::text[]) name
   UNION SELECT relid FROM pg_partition_tree('events')))
"""
# MEMBER: also the right to become the owner by SET ROLE.
_OWNED = f"""
SELECT format('the table %%s', name) FROM {_GUARDED} t WHERE pg_has_role(relowner, 'MEMBER')
UNION ALL
SELECT format('the schema %%s', nspname) FROM pg_namespace
 WHERE oid = (SELECT relnamespace FROM pg_class WHERE oid = 'events'::regclass) AND pg_has_role(nspowner, 'MEMBER')
UNION ALL
SELECT format('the function %%s', oid::regprocedure) FROM pg_proc
 WHERE oid IN (to_regprocedure('events_horizon()'), to_regprocedure('events_refuse_change()'))
   AND pg_has_role(proowner, 'MEMBER')
UNION ALL
SELECT format('the database %%s', datname) FROM pg_database
 WHERE datname = current_database() AND pg_has_role(datdba, 'MEMBER')
"""
_CHANGES = f"""
SELECT name::text, string_agg(kind, ', ') FROM {_GUARDED} t,
       unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) kind
 WHERE has_table_privilege(oid, kind)
    OR kind IN ('UPDATE', 'REFERENCES') AND has_any_column_privilege(oid, kind)
 GROUP BY name ORDER BY 1
"""
_SERVERS_COLUMNS = f"""
SELECT name::text, attname FROM {_GUARDED} t JOIN pg_attribute a ON attrelid = t.oid
 WHERE attnum > 0 AND NOT attisdropped AND (attidentity <> '' OR atthasdef)
   AND has_column_privilege(t.oid, attnum, 'INSERT')
 ORDER BY 1, 2
"""
_SEQUENCE = """
SELECT oid::regclass::text FROM pg_class
 WHERE oid = to_regclass('events_position_seq') AND has_sequence_privilege(oid, 'UPDATE')
"""
_PARAMETER = """
SELECT name FROM unnest(ARRAY['session_replication_role']) name WHERE has_parameter_privilege(name, 'SET')
"""
_GRANTED_TO_OTHERS = f"""
SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END,
       string_agg(a.privilege_type, ', '), name::text
  FROM {_GUARDED} t, aclexplode(relacl) a
 WHERE a.grantee <> relowner AND a.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
   AND a.grantee NOT IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user))
 GROUP BY 1, 3 ORDER BY 1, 3
"""
_FIRST_SCHEMA = """
SELECT nspname FROM unnest(current_schemas(false)) WITH ORDINALITY s (name, place) JOIN pg_namespace ON nspname = name
 WHERE pg_has_role(nspowner, 'MEMBER') AND place < (
       SELECT place FROM unnest(current_schemas(false)) WITH ORDINALITY s (name, place)
        WHERE name = (SELECT relnamespace::regnamespace::name FROM pg_class WHERE oid = 'events'::regclass))
"""
_HAS_RIGHT = "(has_table_privilege(oid, '{0}') OR '{0}' = 'INSERT' AND has_any_column_privilege(oid, '{0}'))"
