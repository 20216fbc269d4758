"""`manage.py backup DIR`: back up what cannot be made again, while the site goes on."""

from pathlib import Path
from typing import Any

import psycopg
from django.core.management.base import CommandError, CommandParser
from django.db import Error

from eventstore.management.base import SafeCommand
from ordersite.backup import tables
from ordersite.backup.writing import FolderTaken, take_backup


class Command(SafeCommand):
    """The command `backup`."""

    help = "Back up the truth of the site into a new folder: the log, its proofs, the accounts and what staff decided."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="a new folder")
        parser.add_argument("--list", action="store_true", help="only list which tables are backed up, and which not")

    def handle(self, *, folder: Path | None, **options: Any) -> None:
        if options["list"]:
            self._list()
            return
        if folder is None:
            raise CommandError("name a new folder for the backup: manage.py backup DIR")
        try:
            taken = take_backup(folder, progress=lambda table: self.stdout.write(f"{table.name}: {table.rows:,} rows"))
        except FolderTaken as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{folder} cannot be written: {error.strerror}. It is no backup: remove it") from error
        except (Error, psycopg.Error) as error:
            raise CommandError(f"the database ended the backup: {error}. {folder} is no backup: remove it") from error
        rows = sum(table.rows for table in taken.tables)
        self.stdout.write(
            f"{folder}: {rows:,} rows of {taken.taken_at:%Y-%m-%d %H:%M:%S %Z}, the log up to position {taken.position}"
        )
        self.stdout.write("Not in it, and needed to restore: PERSONAL_DATA_KEYS and SEAL_KEYS. Keep them elsewhere.")
        if others := tables.other_tables():
            self.stdout.write(f"Not in it, because no model of the site has them: {', '.join(others)}")

    def _list(self) -> None:
        for contents, names in tables.names_by_contents().items():
            self.stdout.write(f"{contents}: {', '.join(names)}")
