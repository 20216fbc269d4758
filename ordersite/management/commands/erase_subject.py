"""`manage.py erase_subject ID`: make somebody's personal data unreadable, everywhere and for ever."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from eventstore.dispatch import Context
from eventstore.errors import CommandRefused
from ordersite.customers.erasure import delete_login, erase_in_log
from ordersite.models import User


class Command(BaseCommand):
    help = "Erase a customer's personal data, or a guest's by the id of the order. There is no way back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("subject", type=UUID, help="The customer's id; for a guest, the order's.")
        parser.add_argument("--actor", default="service:erase_subject", help="Who asked for it, as the log names them.")

    def handle(self, *, subject: UUID, actor: str, **options: Any) -> None:
        try:
            with transaction.atomic():
                for user in User.objects.filter(customer_id=subject):
                    delete_login(user)
                answer = erase_in_log(subject, Context(actor=actor))
        except CommandRefused as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"the personal data of {subject} is erased; the log says so at {answer.aggregate_id}")
