"""`manage.py import_history FILE`: what export_history wrote, into this site's log. docs/replay-a-bug.md."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from eventstore.errors import (
    UNREADABLE,
    ForeignFile,
    HistoryConflict,
    SubjectWasErased,
    explained,
)
from eventstore.histories.importer import import_history


class Command(BaseCommand):
    help = (
        "Bring histories that export_history printed here, with their ids, versions and times: all of a file, or"
        " nothing. What is here already is passed over, so it may be run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="What export_history printed; - reads standard input.")

    def handle(self, *, file: str, **options: Any) -> None:
        try:
            with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as lines:
                done = import_history(lines)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        except (ForeignFile, HistoryConflict, SubjectWasErased, *UNREADABLE) as error:
            raise CommandError(f"{explained(error)}\nNothing was imported.") from error
        self.stdout.write(f"{done.added:,} events imported, {done.present:,} were here already")
