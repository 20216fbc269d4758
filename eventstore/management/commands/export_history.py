"""`manage.py export_history AGGREGATE…`: print histories as JSON lines or as a test. See docs/replay-a-bug.md."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from eventstore.errors import UNREADABLE, AggregateNotFound, explained
from eventstore.histories.as_test import module_source
from eventstore.histories.export import anonymised, export, histories
from eventstore.management.base import SafeCommand


class Command(SafeCommand):
    help = (
        "Print all events of some aggregates as JSON lines, for import_history on another site. Personal data is"
        " printed unencrypted unless --anonymise is given. Keys are never printed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("aggregates", type=UUID, nargs="+", metavar="AGGREGATE")
        parser.add_argument(
            "--anonymise",
            action="store_true",
            help="Replace by pseudonyms: personal fields, people's ids, actors' names (except services), the texts in"
            " metadata.extra, every e-mail address, and the words of known names in other texts. Amounts, skus, dates"
            " and aggregates' ids stay. So does the rest of a free text: see --redact.",
        )
        parser.add_argument(
            "--redact",
            action="append",
            default=[],
            metavar="FIELD",
            help="With --anonymise: also replace the whole text of this field, such as reason. Can be repeated.",
        )
        parser.add_argument("--as-test", action="store_true", help="Print a Python test of the history instead.")

    def handle(
        self, *, aggregates: list[UUID], anonymise: bool, redact: list[str], as_test: bool, **options: Any
    ) -> None:
        if redact and not anonymise:
            raise CommandError("--redact needs --anonymise")
        try:
            exported = histories(aggregates)
            if anonymise:
                exported = anonymised(exported, redacted=redact)
            for text in [module_source(exported)] if as_test else export(exported):
                self.stdout.write(text)
        except (AggregateNotFound, *UNREADABLE) as error:
            raise CommandError(explained(error)) from error
