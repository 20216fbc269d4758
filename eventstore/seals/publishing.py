"""Seal what is settled, and give the latest seal away, so that a log cut off together with its seals is found out."""

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
    """Beat calls it."""
    chain.seal_settled()


@shared_task(name="eventstore.publishing.publish")
def publish() -> None:
    """Give the latest seal away as SEAL_FILE and SEAL_MAIL_TO say; one failing does not stop the other. Beat calls it.

    A way that fails is logged and tried again at the next time, with the seal that is the latest then.
    """
    newest = chain.newest()
    if newest is None:
        return
    if settings.SEAL_FILE:
        try:
            to_file(newest, Path(settings.SEAL_FILE))
        except OSError:
            log.exception("seal %s cannot be written to SEAL_FILE; the next one will be tried", newest.number)
    if settings.SEAL_MAIL_TO:
        try:
            by_mail(newest, settings.SEAL_MAIL_TO)
        except OSError:  # smtplib's errors are among these
            log.exception("seal %s cannot be sent by mail; the next one will be tried", newest.number)


def to_file(newest: Seal, path: Path) -> None:
    """Append the seal to a file as a JSON line, whole or not at all, and wait until the disk has it. Raises OSError."""
    line = (json.dumps(chain.public_form(newest)) + "\n").encode()
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        written = file.write(line)  # unbuffered, so one write; a disk that fills up takes a part of it in silence
        if written != len(line):
            file.truncate(before)
            raise OSError(errno.ENOSPC, f"{written} of {len(line)} bytes could be written", str(path))
        os.fsync(file.fileno())


def by_mail(newest: Seal, addresses: list[str]) -> None:
    """Raises OSError, as smtplib does."""
    send_mail(
        subject=f"Seal {newest.number} of the event log, through position {newest.through}",
        message="Keep this: it proves what the log was when it was sealed.\n"
        "Save the line below as a file, and run: manage.py verify_log --against FILE\n\n"
        + json.dumps(chain.public_form(newest))
        + "\n",
        from_email=None,
        recipient_list=addresses,
    )
