"""`manage.py erase_subject ID`: erase a customer's or guest's personal data for ever."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from eventstore.dispatch import Context
from eventstore.errors import CommandRefused
from eventstore.management.base import SafeCommand
from ordersite.customers.erasure import delete_login, erase_in_log
from ordersite.models import User


class Command(SafeCommand):
    """Erase a subject in the log, and delete the login of a customer."""

    help = "Erase the personal data of a customer, or of a guest by order id. This cannot be undone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("subject", type=UUID, help="The id of the customer; for a guest, the id of the order.")
        parser.add_argument("--actor", default="service:erase_subject", help="Who asked for it; recorded in the log.")

    def handle(self, *, subject: UUID, actor: str, **options: Any) -> None:
        try:
            with transaction.atomic():
                for user in User.objects.filter(customer_id=subject):
                    delete_login(user)
                answer = erase_in_log(subject, Context(actor=actor))
        except CommandRefused as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"the personal data of {subject} is erased; recorded in the log under {answer.aggregate_id}")
