"""Empties the tables between tests. The log refuses that, whoever asks: the test database's owner lifts the guard."""

from typing import Any

from django.core.management.commands.flush import Command as Flush

from tests.eventstore.tampering import unguarded


class Command(Flush):
    def handle(self, **options: Any) -> None:
        with unguarded():
            super().handle(**options)
