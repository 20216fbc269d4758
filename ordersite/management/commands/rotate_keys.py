"""`manage.py rotate_keys`: re-encrypt every subject's key with the first of PERSONAL_DATA_KEYS."""

from typing import Any

from django.core.management.base import CommandError

from eventstore.errors import WrongKey
from eventstore.management.base import SafeCommand
from eventstore.personal_data.subjects import rotate


class Command(SafeCommand):
    """Re-encrypt the keys of personal data."""

    help = "Re-encrypt all subjects' keys with the first of PERSONAL_DATA_KEYS. Then the others may be removed."

    def handle(self, **options: Any) -> None:
        try:
            count = rotate()
        except WrongKey as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count:,} keys re-encrypted")
