"""`manage.py create_service_account NAME --may read_orders …`: create a program's account and show its token once."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from eventstore.management.base import SafeCommand
from orders.http.access import SERVICE_PERMISSIONS
from ordersite import service_accounts
from ordersite.service_accounts import MOST_TOKEN_DAYS, TOKEN_DAYS, NameRefused


class Command(SafeCommand):
    """Create a service account with its first token, and print the token and nothing else on standard output."""

    help = "Create an account for a program of the shop, and print its token. The token is not shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The log names the program by it: service:NAME.")
        parser.add_argument(
            "--may", nargs="+", choices=[*SERVICE_PERMISSIONS], default=[], help="What the program may do."
        )
        parser.add_argument("--days", type=int, default=TOKEN_DAYS, help="For how many days the token is valid.")

    def handle(self, *, name: str, may: list[str], days: int, **options: Any) -> None:
        if not 1 <= days <= MOST_TOKEN_DAYS:
            raise CommandError(f"a token is valid for 1 to {MOST_TOKEN_DAYS} days")
        try:
            with transaction.atomic():
                token = service_accounts.create_token(service_accounts.create(name, may), days=days)
        except NameRefused as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"{name} may {', '.join(may) or 'nothing yet'}. Its token, which is not shown again:")
        self.stdout.write(token)
