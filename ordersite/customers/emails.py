"""Send mail about changed addresses. A consumer of the log sends it, so that every committed change is announced.

Mails are sent at least once, and one after another. If the mail server does not answer, the next run starts with the
same mail. Permanent failures (unknown mailbox, invalid address, rejected mail) are logged and skipped.
"""

import logging
from collections.abc import Sequence
from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.core import signing
from django.core.mail import send_mail

from eventstore.codec import IMPORTED
from eventstore.followers.consumers import follow
from eventstore.followers.handling import Consumer, declare
from eventstore.messages import EVENT_TYPES
from eventstore.personal_data.encryption import ERASED
from eventstore.store import Damaged, Recorded
from orders.customers.events import CustomerRegistered, EmailChanged
from ordersite.customers.lookup import current_customer

log = logging.getLogger(__name__)

_SALT = "ordersite.verify-email"
_HANDLED = sorted(EVENT_TYPES[event].name for event in (CustomerRegistered, EmailChanged))


class BadToken(ValueError):
    """The token was altered, was not issued here, or is too old. Change the address again to get a new mail."""


@shared_task(name="ordersite.mails.send")
def send() -> None:
    """Send the mails for events since the last run. Beat calls this task."""
    try:
        follow(_MAILS)
    except OSError:  # the base class of smtplib's errors
        log.exception("sending mail failed; the next run tries again")


def token_for(customer_id: UUID, email: str) -> str:
    """Return a signed token for a mail to this address. Sending it back proves that the customer reads mail there."""
    return signing.dumps([str(customer_id), email], salt=_SALT)


def read_token(token: str) -> tuple[UUID, str]:
    """Return the customer, and the address that the token proves to be theirs. Raises BadToken."""
    try:
        customer_id, email = signing.loads(token, salt=_SALT, max_age=settings.EMAIL_TOKEN_DAYS * 86_400)
    except signing.BadSignature as error:
        raise BadToken("this token is invalid or out of date") from error
    return UUID(customer_id), email


def _handle(facts: Sequence[Recorded[Any]]) -> None:
    for fact in facts:
        if isinstance(fact.event, Damaged):
            raise fact.event.error
        if IMPORTED not in fact.metadata.extra:
            _send_mails(fact)


_MAILS = declare(
    # One event a page, because no rollback takes a mail back. OSError is the base class of smtplib's errors.
    Consumer(name="mails", handle=_handle, event_types=_HANDLED, page=1, temporary=(OSError,))
)


def _send_mails(fact: Recorded[Any]) -> None:
    event, customer = fact.event, current_customer(fact.event.customer_id)
    # An address that was taken away belongs to somebody else, who need not hear of it.
    if isinstance(event, EmailChanged) and event.email and event.previous not in ("", ERASED):
        _mail(event.previous, "Your address was changed", _CHANGED_TEXT)
    if event.email in ("", ERASED) or customer.email != event.email or customer.verified:
        return  # changed again or verified since this event
    token = token_for(event.customer_id, event.email)
    how = (settings.EMAIL_VERIFY_URL or _VERIFY_BY_API).format(token=token, site=settings.FORCE_SCRIPT_NAME or "")
    _mail(
        event.email,
        "Is this your address?",
        _VERIFY_TEXT.format(how=how, days=settings.EMAIL_TOKEN_DAYS, lapses=_lapses()),
    )


def _lapses() -> str:
    return _LAPSES.format(days=settings.EMAIL_CLAIM_DAYS) if settings.EMAIL_CLAIM_DAYS else ""


def _mail(address: str, subject: str, text: str) -> None:
    """Send one mail; log a permanent failure and go on. Raises OSError for a temporary failure."""
    try:
        send_mail(subject=subject, message=text, from_email=None, recipient_list=[address])
    except SMTPRecipientsRefused as error:
        log.warning("mail skipped: mailbox refused: %s", [code for code, _ in error.recipients.values()])
    except SMTPDataError as error:
        if not 500 <= error.smtp_code < 600:
            raise
        log.warning("mail skipped: message refused: %s", error.smtp_code)
    except ValueError as error:  # an address that passed validation, but cannot be put into a mail
        log.warning("mail skipped: invalid address: %s", type(error).__name__)


_CHANGED_TEXT = """Hello,

the e-mail address of your account with us was changed. This is the last mail to the old address.
If you did not change it, answer this mail at once.
"""
_VERIFY_TEXT = """Hello,

this address was entered for an account with us. If you entered it, confirm it within {days} days:

{how}

If you did not, you need not do anything.{lapses}
"""
_LAPSES = " Without a confirmation, the account loses the address when nobody has logged in for {days} days."
_VERIFY_BY_API = "send this token to {site}/api/v1/auth/verify-email\n\n{token}"
