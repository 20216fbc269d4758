"""`manage.py seal_log`: seal the settled events now, and publish the latest seal."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from eventstore.errors import MalformedSealKey, SealKeyMissing
from eventstore.management.base import SafeCommand
from eventstore.seals import chain, keys, publishing


class Command(SafeCommand):
    help = "Seal the settled events of the log now. A worker also does it every SEAL_SECONDS."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to-file", type=Path, help="Append the latest seal to this file, as a JSON line.")
        parser.add_argument("--mail", action="store_true", help="Send the latest seal to SEAL_MAIL_TO.")
        parser.add_argument("--public-key", action="store_true", help="Only print the public key, in hex.")

    def handle(self, *, to_file: Path | None, mail: bool, public_key: bool, **options: Any) -> None:
        try:
            if public_key:
                self.stdout.write(keys.public_bytes(keys.signing_key()).hex())
                return
            new_seals = chain.seal_settled()
        except (SealKeyMissing, MalformedSealKey) as error:
            raise CommandError(str(error)) from error
        newest = chain.newest()
        if newest is None:
            self.stdout.write("nothing to seal: the log is empty")
            return
        self.stdout.write(f"{new_seals} new; {newest} covers the log through position {newest.through}")
        if mail and not settings.SEAL_MAIL_TO:
            raise CommandError("SEAL_MAIL_TO is empty")
        try:
            if to_file:
                publishing.to_file(newest, to_file)
            if mail:
                publishing.by_mail(newest, settings.SEAL_MAIL_TO)
        except OSError as error:
            raise CommandError(f"the seal could not be published: {error}") from error
