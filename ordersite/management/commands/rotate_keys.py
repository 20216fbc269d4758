"""`manage.py rotate_keys`: wrap every subject's key with the first of PERSONAL_DATA_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventstore.errors import WrongKey
from eventstore.personal_data.subjects import rotate


class Command(BaseCommand):
    help = "Wrap all subjects' keys with the first of PERSONAL_DATA_KEYS; after that the others may be dropped."

    def handle(self, **options: Any) -> None:
        try:
            count = rotate()
        except WrongKey as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count:,} keys wrapped anew")
