"""Give the tables of new migrations to the roles of the database (`eventstore.storage.granting`)."""

from typing import Any

from django.db import connection

from eventstore.storage.granting import grant
from eventstore.storage.roles import Roles
from ordersite.backup import tables

_ROLES = """
SELECT current_user FROM pg_roles WHERE current_user LIKE '%%\\_owner'
   AND rolname IN (regexp_replace(current_user, 'owner$', 'app'), regexp_replace(current_user, 'owner$', 'reader'))
HAVING count(*) = 2
"""


def grant_new_tables(plan: Any = None, **signal: Any) -> None:
    """After migrations by the owner of the log, grant what the other roles need. Does nothing without roles."""
    if plan:
        grant_to_roles()


def grant_to_roles() -> None:
    """Grant what the other roles need, if the connected login is the owner of three roles."""
    with connection.cursor() as cursor:
        cursor.execute(_ROLES)
        found = cursor.fetchone()
    if found:
        grant(Roles(found[0].removesuffix("_owner")), tables.contents_by_table())
