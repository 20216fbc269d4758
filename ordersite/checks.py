"""What `manage.py check --database default` refuses before a deployment."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.utils import DatabaseError

from ordersite.models import User


@register(Tags.database)
def no_demo_accounts(databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """Demo passwords are published in the source, so none may stand in a database that production serves."""
    if settings.DEMO_ACCOUNTS or "default" not in (databases or ()):
        return []
    try:
        tables = connections["default"].introspection.table_names()
        found = User._meta.db_table in tables and User.objects.filter(is_demo=True).exists()
    except DatabaseError as error:
        return [Error(f"the accounts cannot be read: {error}", id="ordersite.E002")]
    if not found:
        return []
    return [
        Error(
            "this database holds accounts of the demo shop, whose passwords everybody knows",
            hint="Use a database of its own for production; demo orders cannot be removed from the log.",
            id="ordersite.E001",
        )
    ]


@register()
def rates_can_be_read(**options: Any) -> list[CheckMessage]:
    """Every request would fail otherwise."""
    from ordersite.middleware.rate_limits import parse_rate  # noqa: PLC0415 - all of DRF, which not every command needs

    wrong: list[CheckMessage] = []
    for name in ("API_RATE_USER", "API_RATE_ADDRESS", "LOGIN_RATE"):
        try:
            parse_rate(name, getattr(settings, name))
        except ValueError as error:
            wrong.append(Error(f"{name}: {error}", id="ordersite.E003"))
    return wrong
