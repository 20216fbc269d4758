"""System checks: what `manage.py check --database default` refuses before a deployment."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import connections
from django.db.utils import DatabaseError

from ordersite.models import SuggestedPermission, User


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
