"""Connect with another login for as long as a command needs it: as the owner of the log, or as an administrator.

Web servers and workers have the login of the application only (`eventstore.storage.roles`). The owner's login is for
commands that change tables of the log.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.db import DEFAULT_DB_ALIAS, connection, connections

_IS_OWNER = """
SELECT current_user, pg_get_userbyid(relowner), pg_has_role(relowner, 'USAGE')
  FROM pg_class WHERE oid = to_regclass('events')
"""
# Of the roles, without superusers, that own another schema on the search path than the log's owner does.
_UNTRUSTED = """
WITH other AS (
  SELECT nspowner AS role FROM unnest(current_schemas(false)) name JOIN pg_namespace ON nspname = name
   WHERE nspowner NOT IN (SELECT oid FROM pg_roles WHERE rolsuper OR rolname = 'pg_database_owner')
     AND nspowner <> (SELECT relowner FROM pg_class WHERE oid = to_regclass('events')))
SELECT format('the function %s', p.oid::regprocedure) FROM pg_proc p WHERE proowner IN (SELECT role FROM other)
UNION ALL
SELECT format('the operator %s', o.oid::regoperator) FROM pg_operator o WHERE oprowner IN (SELECT role FROM other)
UNION ALL
SELECT format('the trigger %s of %s', tgname, c.oid::regclass) FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
 WHERE relowner IN (SELECT role FROM other) AND NOT tgisinternal
UNION ALL
SELECT format('the rule %s of %s', rulename, c.oid::regclass) FROM pg_rewrite JOIN pg_class c ON c.oid = ev_class
 WHERE relowner IN (SELECT role FROM other)
"""


class OwnerNeeded(CommandError):
    """This login may not change the log's tables. Set OWNER_DATABASE_URL to the URL of their owner."""


class UntrustedCode(CommandError):
    """The login of the site has put code into the database that the owner of the log would execute. Drop it first."""


@contextmanager
def as_owner() -> Iterator[None]:
    """Connect as OWNER_DATABASE_URL says, if it is set. Raises OwnerNeeded if the login does not own the log.

    A database without a log has no owner yet: then any login may go on. Raises UntrustedCode if the tables of the
    site's own login have triggers, or its schemas functions: they would run with the owner's rights.
    """
    login: Mapping[str, Any] | None = getattr(settings, "OWNER_DATABASE", None)
    if not login:
        _require_owner()
        yield
        return
    with connected_as(login):
        _require_owner()
        yield


@contextmanager
def connected_as(login: Mapping[str, Any]) -> Iterator[None]:
    """Use this login inside the block, in all threads that connect in it. `login` has keys of an entry of DATABASES."""
    wrapper = connections[DEFAULT_DB_ALIAS]
    current = wrapper.settings_dict
    if all(current[key] == value for key, value in login.items()):
        yield
        return
    before = {key: current[key] for key in login}
    connections.close_all()
    current.update(login)  # in place: the connections of other threads read the same dictionary
    try:
        yield
    finally:
        connections.close_all()
        current.update(before)


def _require_owner() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_IS_OWNER)
        user, owner, is_owner = cursor.fetchone() or ("", "", True)
    if not is_owner:
        raise OwnerNeeded(
            f"{user} may not change the tables of the log, which {owner} owns:"
            f" set OWNER_DATABASE_URL to the URL of {owner} for this command, and for no web server or worker"
        )
    with connection.cursor() as cursor:
        cursor.execute(_UNTRUSTED)
        if found := [name for (name,) in cursor.fetchall()]:
            raise UntrustedCode(
                f"{owner} would execute what another login made: {', '.join(found)}. No release makes such things:"
                " find out who did, and drop them"
            )
