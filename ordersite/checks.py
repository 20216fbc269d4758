"""System checks: what `manage.py check --database default` refuses before a deployment."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import connections
from django.db.utils import DatabaseError

from eventstore.models import Event
from eventstore.storage import privileges, requirements
from eventstore.storage.server_log import NO_VALUES_IN_LOG
from ordersite.backup import tables as backup_tables
from ordersite.models import SuggestedPermission, User
from ordersite.postgresql import sessions


@register(Tags.database)
def no_demo_accounts(databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """Refuse demo accounts in production: their passwords are published in the source."""
    if settings.DEMO_ACCOUNTS or "default" not in (databases or ()):
        return []
    try:
        tables = connections["default"].introspection.table_names()
        exist = User._meta.db_table in tables and User.objects.filter(is_demo=True).exists()
    except DatabaseError as error:
        return [Error(f"the accounts cannot be read: {error}", id="ordersite.E002")]
    if not exist:
        return []
    return [
        Error(
            "this database contains accounts of the demo shop, whose passwords are public",
            hint="Use a separate database for production: demo orders cannot be removed from the log.",
            id="ordersite.E001",
        )
    ]


@register(Tags.database)
def new_permissions_are_told(databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """Warn of permissions that this version suggests for a group, and that nobody has decided about."""
    if "default" not in (databases or ()):
        return []
    from ordersite import roles  # noqa: PLC0415 - loads models of other apps, which few commands need

    try:
        if SuggestedPermission._meta.db_table not in connections["default"].introspection.table_names():
            return []
        new = roles.new_permissions()
    except DatabaseError as error:
        return [Error(f"the groups cannot be read: {error}", id="ordersite.E004")]
    return [
        CheckWarning(
            f"the group {role} was not given the new permissions {', '.join(codenames)}",
            hint="Type `manage.py sync_roles --add` to give them, or `--decline` to leave the group as it is.",
            id="ordersite.W001",
        )
        for role, codenames in new.items()
    ]


@register(Tags.database)
def log_is_safe(databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """Refuse a server on which the log would not be safe, by the name of the setting or table."""
    if "default" not in (databases or ()):
        return []
    try:
        if Event._meta.db_table not in connections["default"].introspection.table_names():
            return []  # not migrated yet
        found = requirements.findings()
    except DatabaseError as error:
        return [Error(f"the log cannot be checked: {error}", id="ordersite.E005")]
    return [Error(finding.message, hint=finding.hint, id=finding.check_id) for finding in found]


@register(Tags.security, deploy=True)
def login_has_no_power_over_the_log(databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """Warn of a login that owns the log; refuse one with rights that it must not have, or without those it needs.

    It looks even without `--database`, because nothing else tells who owns the log. A server that does not answer is
    only a warning then.
    """
    try:
        if Event._meta.db_table not in connections["default"].introspection.table_names():
            return []  # not migrated yet
        found = privileges.excess_and_missing(backup_tables.contents_by_table())
    except DatabaseError as error:
        return [CheckWarning(f"the rights of the site's login cannot be read: {error}", id="ordersite.W003")]
    return [
        (CheckWarning if finding.name in privileges.ONE_ROLE else Error)(
            finding.message, hint=finding.hint, id=finding.check_id
        )
        for finding in found
    ]


@register(Tags.security, deploy=True)
def server_logs_no_values(databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """Warn if the server may write values of the site's statements into its log: they may be personal data."""
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(NO_VALUES_IN_LOG)])
            found = dict(cursor.fetchall())
    except DatabaseError as error:
        return [CheckWarning(f"the settings of the server's log cannot be read: {error}", id="ordersite.W011")]
    others = sorted(name for name, setting in found.items() if setting != NO_VALUES_IN_LOG[name])
    if not others:
        return []
    wanted = ", ".join(f"{name} = {NO_VALUES_IN_LOG[name]}" for name in others)
    hint = f"Run `manage.py database_roles` as a superuser, or set for the site's login: {wanted}."
    text = "the server may log values of statements, such as addresses of people"
    return [CheckWarning(text, hint=hint, id="ordersite.W010")]


@register(Tags.database)
def defaults_are_harmless(databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """Warn of defaults that sessions override; refuse those that a pooler would not let them override."""
    if "default" not in (databases or ()):
        return []
    try:
        found = sessions.hostile_defaults(connections["default"])
    except DatabaseError as error:
        return [Error(f"the settings cannot be checked: {error}", id="ordersite.E005")]
    messages: list[CheckMessage] = []
    for name, value, needed in found:
        hint = f"ALTER ROLE … SET {name} = '{needed}', or change it in postgresql.conf."
        text = f"the default of {name} is {value!r}, and this site needs {needed!r}"
        if getattr(connections["default"], "pooled", False) and name not in sessions.SAFE_IN_STATEMENTS:
            more = ": behind a pooler, statements outside of transactions have the default"
            messages.append(Error(text + more, hint=hint, id="ordersite.E006"))
        else:
            more = ": its sessions set it, those of other programs do not"
            messages.append(CheckWarning(text + more, hint=hint, id="ordersite.W002"))
    return messages


@register(Tags.security, deploy=True)
def staff_have_a_second_factor(**options: Any) -> list[CheckMessage]:
    """Say if a password alone is enough to work in the shop."""
    if settings.REQUIRE_SECOND_FACTOR:
        return []
    hint = "Set REQUIRE_SECOND_FACTOR=on. People without one are led to a page that sets it up."
    text = "people who work in the shop log in with a password alone"
    return [Info(text, hint=hint, id="ordersite.I001")]  # no warning: a shop may decide otherwise


@register()
def rates_are_valid(**options: Any) -> list[CheckMessage]:
    """Refuse rates that cannot be parsed: every request to the API would fail."""
    from ordersite.middleware.rate_limits import parse_rate  # noqa: PLC0415 - loads DRF, which few commands need

    errors: list[CheckMessage] = []
    for name in ("API_RATE_USER", "API_RATE_ADDRESS", "LOGIN_RATE"):
        try:
            parse_rate(name, getattr(settings, name))
        except ValueError as error:
            errors.append(Error(f"{name}: {error}", id="ordersite.E003"))
    return errors


@register()
def every_table_says_what_it_holds(app_configs: Any = None, **options: Any) -> list[CheckMessage]:
    """Refuse a model that does not say whether its rows are the truth: backups would lack them."""
    problems: list[CheckMessage] = []
    for model in backup_tables.site_models():
        try:
            backup_tables.contents_of(model)
        except backup_tables.UndeclaredContents as error:
            problems.append(Error(str(error), id="ordersite.E007"))
    return problems
