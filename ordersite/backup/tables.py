"""The tables of the site by their contents, and those that a backup holds."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connection, models

from eventstore.models import Contents

_OF_LIBRARIES = {
    "admin.LogEntry": Contents.TRUTH,
    "auth.Group": Contents.TRUTH,
    "auth.Permission": Contents.TRUTH,  # groups and users refer to its rows
    "contenttypes.ContentType": Contents.TRUTH,  # permissions refer to its rows
    "knox.AuthToken": Contents.TRUTH,
    "django_otp_webauthn.WebAuthnAttestation": Contents.TRUTH,
    "django_otp_webauthn.WebAuthnCredential": Contents.TRUTH,
    "django_otp_webauthn.WebAuthnUserHandle": Contents.TRUTH,
    "otp_static.StaticDevice": Contents.TRUTH,
    "otp_static.StaticToken": Contents.TRUTH,
    "otp_totp.TOTPDevice": Contents.TRUTH,
    "sessions.Session": Contents.PASSING,
}
"""What the tables of libraries hold, by the label of their model."""

WRITTEN_BY_MIGRATE = frozenset(
    {
        *("auth.Group", "auth.Group_permissions", "auth.Permission", "contenttypes.ContentType"),
        *("eventstore.ConsumerCheckpoint", "ordersite.SuggestedPermission"),
    }
)
"""Tables that have rows on a new site. A restore replaces these rows."""

_OTHER_TABLES = """
SELECT c.relname FROM pg_class c
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND c.relname <> ALL (%s)
 ORDER BY c.relname
"""


class UndeclaredContents(LookupError):
    """A model does not say what its table holds. Give it an attribute `contents`, or list it in `_OF_LIBRARIES`."""


def contents_of(model: type[models.Model]) -> Contents:
    """Return what the model's table holds. Raises UndeclaredContents."""
    between: Any = model._meta.auto_created  # for the table between two models, the first of them
    owner: type[models.Model] = between or model
    contents = getattr(owner, "contents", None) or _OF_LIBRARIES.get(owner._meta.label)
    if not isinstance(contents, Contents):
        raise UndeclaredContents(
            f"{owner._meta.label} does not say whether its rows are the truth: set `contents` in the class,"
            " so that backups hold what cannot be made again"
        )
    return contents


def site_models() -> Iterator[type[models.Model]]:
    """Yield every model with a table, and those of the tables between two models."""
    every = apps.get_models(include_auto_created=True)
    return (model for model in every if model._meta.managed and not model._meta.proxy)  # a proxy has another's table


def models_backed_up() -> list[type[models.Model]]:
    """Return the models whose rows a backup holds. Raises UndeclaredContents."""
    return [model for model in site_models() if contents_of(model) is Contents.TRUTH]


def names_by_contents() -> dict[Contents, list[str]]:
    """Return the names of the tables by what they hold, in order. Raises UndeclaredContents."""
    return {
        contents: sorted(model._meta.db_table for model in site_models() if contents_of(model) is contents)
        for contents in Contents
    }


def contents_by_table() -> dict[str, Contents]:
    """Return what each table of the site holds, by name. Raises UndeclaredContents."""
    return {model._meta.db_table: contents_of(model) for model in site_models()}


def other_tables() -> list[str]:
    """Return the tables in the site's schema that belong to no model, and so are not in a backup."""
    known = ["django_migrations", *(model._meta.db_table for model in site_models())]
    with connection.cursor() as cursor:
        cursor.execute(_OTHER_TABLES, [known])
        return [name for (name,) in cursor]
