"""`python -m ordersite.devstack.prepare`: migrate, load the demo shop, and print who can log in.

One process for all three, because importing Django takes longer than they do when there is nothing to change.
Progress goes to stderr. Stdout holds the logins only: the supervisor prints them once the site is up.
"""

import os
import sys

import django
from django.core.management import CommandError, call_command
from django.db import OperationalError


def main() -> None:
    """Prepare the database. Exits with a message where that cannot be done."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordersite.settings.development")
    print("preparing the database", file=sys.stderr, flush=True)
    django.setup()
    try:
        call_command("migrate", verbosity=0)
        call_command("load_demo", stdout=sys.stderr)
        call_command("demo_logins")
    except CommandError as error:
        sys.exit(str(error))
    except OperationalError as error:
        sys.exit(f"PostgreSQL does not answer: {error}")


if __name__ == "__main__":
    main()
