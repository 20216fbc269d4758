"""`manage.py watch_log`: look now at what the log relies on, as a worker does every minute."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from eventstore.management.base import SafeCommand
from eventstore.storage import ranges, watch


class Command(SafeCommand):
    """The command `watch_log`."""

    help = "Check what the log relies on in PostgreSQL, and that no settled range has changed. Fails on a finding."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--accept", action="store_true", help="Forget that settled ranges have changed: the cause is known."
        )

    def handle(self, *, accept: bool, **options: Any) -> None:
        if accept:
            self.stdout.write(f"ranges that had changed: {ranges.accept_changes():,}")
        found = watch.look()
        for finding in found:
            self.stdout.write(f"{finding.name}: {finding}")
        if found:
            raise CommandError(f"the log has {len(found):,} findings")
        self.stdout.write("the log is as it should be")
