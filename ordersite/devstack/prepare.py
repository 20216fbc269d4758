"""`python -m ordersite.devstack.prepare`: make the database's roles, migrate, load the demo shop, print who can log in.

One process for all of it, because importing Django takes longer than they do when there is nothing to change.
Progress goes to stderr. Stdout holds the logins only: the supervisor prints them once the site is up.
"""

import os
import sys
from io import StringIO

import django
from django.core.management import CommandError, call_command
from django.db import OperationalError

from ordersite.devstack.servers import ROLES_NAME


def main() -> None:
    """Prepare the database. Exits with a message where that cannot be done."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordersite.settings.development")
    print("preparing the database", file=sys.stderr, flush=True)
    django.setup()
    try:
        _make_roles()
        call_command("migrate", verbosity=0)
        call_command("load_demo", stdout=sys.stderr)
        call_command("demo_logins")
    except CommandError as error:
        sys.exit(str(error))
    except OperationalError as error:
        sys.exit(f"PostgreSQL does not answer: {error}")


def _make_roles() -> None:
    """Make the roles of the project's own server. A server that DATABASE_URL names is somebody else's."""
    from django.conf import settings  # noqa: PLC0415 - not set up yet at the top

    from ordersite.management.commands.database_roles import PASSWORDS  # noqa: PLC0415

    if settings.ADMIN_DATABASE and "DATABASE_URL" not in os.environ:
        for variable, role in PASSWORDS.items():
            os.environ[variable] = settings.SERVICES.role_password(role)
        call_command("database_roles", name=ROLES_NAME, stdout=StringIO())


if __name__ == "__main__":
    main()
