"""`manage.py restore DIR`: restore a backup into an empty database."""

from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.db import Error

from eventstore.errors import MalformedSealKey, WrongKey
from eventstore.management.base import SafeCommand
from eventstore.storage.logins import as_owner
from ordersite.backup.manifest import BadBackup
from ordersite.backup.restoring import RestoreRefused, restore

_LAST = 2**63 - 2  # of a bigint, less the next one


def _position(text: str) -> int:
    """Read a position of the log. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdecimal() or len(text) > len(str(_LAST)) or int(text) > _LAST:
        raise ArgumentTypeError(f"{text!r} is no position: use a number from 0 to {_LAST}")
    return int(text)


class Command(SafeCommand):
    """The command `restore`."""

    help = "Restore a backup into the empty database that DATABASE_URL names, and migrate it to this release."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of a backup")
        parser.add_argument(
            "--last-position",
            type=_position,
            default=0,
            metavar="N",
            help="the last position that anybody saw of the lost site, such as that of a published seal;"
            " new events get later ones",
        )
        parser.add_argument(
            "--check", action="store_true", help="then rebuild the read models, verify the log, and check both"
        )

    def handle(self, *, folder: Path, last_position: int, check: bool, **options: Any) -> None:
        try:
            with as_owner():
                backup = restore(
                    folder,
                    last_position=last_position,
                    progress=lambda table: self.stdout.write(f"{table.name}: {table.rows:,} rows"),
                )
        except (BadBackup, RestoreRefused, WrongKey, MalformedSealKey) as error:
            raise CommandError(str(error)) from error
        except (Error, psycopg.Error) as error:
            raise CommandError(
                f"the database ended the restore: {error}. When it can go on, restore into a new, empty database"
            ) from error
        self.stdout.write(
            f"restored: the site as it was at {backup.taken_at:%Y-%m-%d %H:%M:%S %Z}, position {backup.position}"
        )
        if check:
            for name in NEXT:
                call_command(name, stdout=self.stdout)
        else:
            self.stdout.write(f"Now type: {'; '.join(f'manage.py {name}' for name in NEXT)}")
        self.stdout.write(
            "Erase again whoever was erased since. Start workers only if this site replaces the other one: they send"
            " mails, webhooks and planned commands."
        )


NEXT = ("rebuild_projections", "check_log", "seal_log", "verify_log", "check_projections")
"""The commands after a restore. Events after the last seal are sealed, so that all of the log is verified."""
