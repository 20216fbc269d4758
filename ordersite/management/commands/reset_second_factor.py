"""`manage.py reset_second_factor NAME --reason …`: let somebody in who lost the second factor."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from eventstore.management.base import SafeCommand
from ordersite.access.recording import COMMAND_LINE, because
from ordersite.logins import second_factor
from ordersite.models import User


class Command(SafeCommand):
    """Remove all apps, passkeys and recovery codes of an account, and end its sessions and API tokens."""

    help = (
        "Remove the apps, passkeys and recovery codes of somebody who lost them. Make sure first that it is really that"
        " person who asks. Recorded in the log and in the list of log-ins."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The name that the person logs in with.")
        parser.add_argument("--reason", required=True, help="Why, and who asked. It stands in the log.")

    def handle(self, *, name: str, reason: str, **options: Any) -> None:
        if not reason.strip():
            raise CommandError("say why, and who asked: --reason 'Lost the telephone, called back by Ben'")
        user = User.objects.filter(username=name, service_id=None).first()
        if user is None:
            raise CommandError(f"there is no person with the name {name!r}: it has to be written as at the log-in")
        with because(COMMAND_LINE, reason.strip()):
            number = second_factor.reset(user)
        if not number:
            self.stdout.write(f"{name} has no second factor: nothing was changed")
            return
        self.stdout.write(
            f"{name}: {number} removed, and all sessions and API tokens ended. New ones can be set up now."
        )
