"""`manage.py database_roles`: give the site's database an owner of the log, a login of the site, and a reader."""

import os
from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import Error, connection

from eventstore.management.base import SafeCommand
from eventstore.storage import granting, roles
from eventstore.storage.logins import connected_as
from ordersite.backup import tables

PASSWORDS = {"OWNER_PASSWORD": "owner", "APP_PASSWORD": "app", "READER_PASSWORD": "reader"}
"""Environment variables with the passwords of the roles."""


class Command(SafeCommand):
    """Create the roles or correct them, and hand over what a site with one role had. It can be run again."""

    help = (
        "Create the three roles of the database, give each what it needs and no more, and hand the site's tables over"
        " to them. Run it as a superuser, by ADMIN_DATABASE_URL or DATABASE_URL, while the site is stopped."
        " OWNER_PASSWORD, APP_PASSWORD and READER_PASSWORD set their passwords."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", help="what the names begin with; by default the schema or the database")

    def handle(self, *, name: str | None, **options: Any) -> None:
        admin = getattr(settings, "ADMIN_DATABASE", None)
        with connected_as(admin) if admin else nullcontext():
            self._set_up(name)

    def _set_up(self, name: str | None) -> None:
        try:
            site = roles.Roles(name or roles.default_name())
            passwords = {
                getattr(site, role): os.environ[variable]
                for variable, role in PASSWORDS.items()
                if os.environ.get(variable)
            }
            granting.set_up(site, tables.contents_by_table(), passwords)
        except roles.BadRoleName as error:
            raise CommandError(str(error)) from error
        except Error as error:
            raise CommandError(
                f"the roles could not be made, and nothing was changed: {error}. Connect as a superuser, or as a login"
                " that may create roles and owns the database and the site's tables, while the site is stopped"
            ) from error
        views, log = roles.views_schema(), roles.log_schema()
        connection.close()  # the search path of new sessions is another one
        self.stdout.write(
            f"{site.owner}: owns the log and all other tables of the schema {log}; for migrations only\n"
            f"{site.app}: appends to the log, changes the other tables, owns the schema {views}; for the site\n"
            f"{site.reader}: reads the log and the schema {views}; for reports"
        )
        if lacking := [role for role in site.all if role not in passwords]:
            self.stdout.write(f"No password was set for {', '.join(lacking)}. In psql: \\password {lacking[0]}")
