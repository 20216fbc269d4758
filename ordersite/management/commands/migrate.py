"""`manage.py migrate`: Django's, as the owner of the log."""

from typing import Any

from django.core.management.commands.migrate import Command as DjangoCommand

from eventstore.storage.logins import as_owner


class Command(DjangoCommand):
    """Django's command. It connects as OWNER_DATABASE_URL says, and refuses a login that does not own the log."""

    def handle(self, *arguments: Any, **options: Any) -> None:
        if options["plan"] or options["check_unapplied"]:  # they change nothing
            super().handle(*arguments, **options)
            return
        with as_owner():
            super().handle(*arguments, **options)
