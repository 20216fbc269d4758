"""`manage.py prove EVENT`: print a proof that an event was in the log when its seal was signed."""

import json
from argparse import ArgumentTypeError
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from eventstore.errors import MalformedSealKey, NotSealed, SubjectWasErased
from eventstore.limits.numbers import parse_whole
from eventstore.management.base import SafeCommand
from eventstore.seals.chain import prove


class Command(SafeCommand):
    help = "Print an inclusion proof of an event as JSON. docs/verify_proof.py checks it; it needs only the public key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("event", type=_event, help="The position or the id of the event.")

    def handle(self, *, event: int | UUID, **options: Any) -> None:
        try:
            proof = prove(event)
        except (NotSealed, MalformedSealKey) as error:
            raise CommandError(str(error)) from error
        except SubjectWasErased as error:
            raise CommandError(
                f"A proof shows the event as it is stored, which may be texts of {error.subject_id}, who was erased:"
                " there is no proof of this event any more. verify_log still checks it."
            ) from error
        self.stdout.write(json.dumps(proof, indent=2, ensure_ascii=False))


def _event(text: str) -> int | UUID:
    try:
        return parse_whole(text) if text.isdecimal() else UUID(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is neither a position nor an event id") from error
