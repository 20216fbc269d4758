"""`manage.py import_history FILE`: import what export_history printed. See docs/replay-a-bug.md."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from eventstore.errors import (
    UNREADABLE,
    ForeignFile,
    HistoryConflict,
    SubjectWasErased,
    explained,
)
from eventstore.histories.importer import import_history
from eventstore.management.base import SafeCommand
from eventstore.storage.logins import as_owner


class Command(SafeCommand):
    help = (
        "Import histories that export_history printed, with their ids, versions and times: the whole file or nothing."
        " Events that are in this log already are skipped, so it can be run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="A file that export_history printed; - reads standard input.")

    def handle(self, **options: Any) -> None:
        with as_owner():  # only the owner chooses the recorded time of an event
            self._import(**options)

    def _import(self, *, file: str, **options: Any) -> None:
        try:
            with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as lines:
                imported = import_history(lines)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        except (ForeignFile, HistoryConflict, SubjectWasErased, *UNREADABLE) as error:
            raise CommandError(f"{explained(error)}\nNothing was imported.") from error
        self.stdout.write(f"{imported.added:,} events imported, {imported.present:,} were here already")
