"""Seal settled events, and publish the latest seal outside the database.

A published seal shows whether the log was truncated together with its seals.
"""

import errno
import json
import logging
import os
from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.core.mail import send_mail

from eventstore.models import Seal
from eventstore.seals import chain

log = logging.getLogger(__name__)


@shared_task(name="eventstore.publishing.seal")
def seal() -> None:
    """Seal all settled events. Celery beat sends this task."""
    chain.seal_settled()


@shared_task(name="eventstore.publishing.publish")
def publish() -> None:
    """Publish the latest seal to SEAL_FILE and SEAL_MAIL_TO. Celery beat sends this task.

    A failure of one does not stop the other. It is logged, and the next run publishes the seal that is the latest then.
    """
    newest = chain.newest()
    if newest is None:
        return
    if settings.SEAL_FILE:
        try:
            to_file(newest, Path(settings.SEAL_FILE))
        except OSError:
            log.exception("seal %s cannot be written to SEAL_FILE; the next run will try again", newest.number)
    if settings.SEAL_MAIL_TO:
        try:
            by_mail(newest, settings.SEAL_MAIL_TO)
        except OSError:  # includes the errors of smtplib
            log.exception("seal %s cannot be sent by mail; the next run will try again", newest.number)


def to_file(newest: Seal, path: Path) -> None:
    """Append the seal to a file as a JSON line and wait until it is on disk. Raises OSError.

    If the line cannot be written completely, none of it is left in the file.
    """
    line = (json.dumps(chain.public_form(newest)) + "\n").encode()
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        written = file.write(
            line
        )  # one write, as it is unbuffered; a full disk takes only a part of it, without an error
        if written != len(line):
            file.truncate(before)
            raise OSError(errno.ENOSPC, f"{written} of {len(line)} bytes could be written", str(path))
        os.fsync(file.fileno())


def by_mail(newest: Seal, addresses: list[str]) -> None:
    """Send the seal by mail. Raises OSError, as smtplib does."""
    send_mail(
        subject=f"Seal {newest.number} of the event log, through position {newest.through}",
        message="Keep this: it proves what the log was when it was sealed.\n"
        "Save the line below as a file, and run: manage.py verify_log --against FILE\n\n"
        + json.dumps(chain.public_form(newest))
        + "\n",
        from_email=None,
        recipient_list=addresses,
    )
