"""`manage.py export_history AGGREGATE…`: histories as JSON lines or as a test. docs/replay-a-bug.md."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from eventstore.errors import UNREADABLE, AggregateNotFound, explained
from eventstore.histories import as_test as astest
from eventstore.histories.export import anonymised, export, histories


class Command(BaseCommand):
    help = (
        "Print everything some aggregates went through as JSON lines, for import_history on another site. Personal data"
        " is printed in the clear unless it is anonymised; keys are never printed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("aggregates", type=UUID, nargs="+", metavar="AGGREGATE")
        parser.add_argument(
            "--anonymise",
            action="store_true",
            help="Put pseudonyms in the place of personal fields, people's ids, actors' names (a service keeps its"
            " own), marks in metadata.extra, any e-mail address, and the words of a known name in any other text."
            " Amounts, skus, dates and aggregates' ids stay, and so does what else a free text says: see --redact.",
        )
        parser.add_argument(
            "--redact",
            action="append",
            default=[],
            metavar="FIELD",
            help="With --anonymise: replace the whole text of this field too, such as reason. May be repeated.",
        )
        parser.add_argument("--as-test", action="store_true", help="Print a test of the history, in Python, instead.")

    def handle(
        self, *, aggregates: list[UUID], anonymise: bool, redact: list[str], as_test: bool, **options: Any
    ) -> None:
        if redact and not anonymise:
            raise CommandError("--redact goes with --anonymise")
        try:
            found = histories(aggregates)
            if anonymise:
                found = anonymised(found, redacted=redact)
            for text in [astest.module(found)] if as_test else export(found):
                self.stdout.write(text)
        except (AggregateNotFound, *UNREADABLE) as error:
            raise CommandError(explained(error)) from error
