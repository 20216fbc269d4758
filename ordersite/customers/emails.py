"""Mail about addresses, sent by a consumer of the log: what was committed is told, though a mail server is down then.

Each mail is sent at least once, and one at a time: where the server refuses to talk, the next run goes on there. A
mailbox that there is not, an address that none can be at and a mail that is refused for good are no reason to wait.
"""

import logging
from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.core import signing
from django.core.mail import send_mail

from eventstore import store
from eventstore.codec import IMPORTED
from eventstore.followers.consumers import advance
from eventstore.messages import EVENT_TYPES
from eventstore.personal_data.encryption import ERASED
from eventstore.store import Damaged, Recorded
from orders.customers.events import CustomerRegistered, EmailChanged
from ordersite.customers.lookup import customer_of_the_log

log = logging.getLogger(__name__)

_SALT = "ordersite.verify-email"
_HEARD = sorted(EVENT_TYPES[event].name for event in (CustomerRegistered, EmailChanged))


class BadToken(ValueError):
    """It proves nothing: not made here, altered, or too old. Change the address, or wait for the latest mail."""


@shared_task(name="ordersite.mails.send")
def send() -> None:
    """Send what is to be sent since the last time. Beat calls it."""
    try:
        advance("mails", _one, event_types=_HEARD)
    except OSError:  # smtplib's errors are among these
        log.exception("a mail cannot be sent; the next run tries again")


def token_for(customer_id: UUID, email: str) -> str:
    """Whoever sends it back reads mail at this address."""
    return signing.dumps([str(customer_id), email], salt=_SALT)


def read_token(token: str) -> tuple[UUID, str]:
    """The customer and the address that a token proves to be theirs. Raises BadToken."""
    try:
        customer_id, email = signing.loads(token, salt=_SALT, max_age=settings.EMAIL_TOKEN_DAYS * 86_400)
    except signing.BadSignature as error:
        raise BadToken("this token is not valid, or not any more") from error
    return UUID(customer_id), email


def _one(position: int) -> int:
    page = store.read_after(position, limit=1, event_types=_HEARD)
    for fact in page.events:
        if isinstance(fact.event, Damaged):
            raise fact.event.error
        if IMPORTED not in fact.metadata.extra:
            _tell(fact)
    return page.through


def _tell(fact: Recorded[Any]) -> None:
    event, customer = fact.event, customer_of_the_log(fact.event.customer_id)
    if isinstance(event, EmailChanged) and event.previous not in ("", ERASED):
        _mail(event.previous, "Your address was changed", _CHANGED)
    if event.email in ("", ERASED) or customer.email != event.email or customer.verified:
        return  # it was changed again, or proven, meanwhile
    token = token_for(event.customer_id, event.email)
    how = settings.EMAIL_VERIFY_URL.format(token=token) if settings.EMAIL_VERIFY_URL else _WHERE + token
    _mail(event.email, "Is this your address?", _VERIFY.format(how=how, days=settings.EMAIL_TOKEN_DAYS))


def _mail(address: str, subject: str, text: str) -> None:
    """Raises OSError, as smtplib does. One mail that cannot be sent must not hold up everybody's."""
    try:
        send_mail(subject=subject, message=text, from_email=None, recipient_list=[address])
    except SMTPRecipientsRefused as error:
        log.warning("a mailbox is refused for good: %s", [code for code, _ in error.recipients.values()])
    except SMTPDataError as error:
        if not 500 <= error.smtp_code < 600:
            raise
        log.warning("a mail is refused for good: %s", error.smtp_code)
    except ValueError as error:  # of a form that checks let pass, and that no mail server can be asked for
        log.warning("an address cannot be written to: %s", type(error).__name__)


_CHANGED = """Hello,

the address of your account with us was changed, and this is the last mail to this one.
If that was not you, tell us at once by answering this mail.
"""
_VERIFY = """Hello,

somebody gave us this address as theirs. If that was you, say so within {days} days:

{how}

If it was not, there is nothing to do.
"""
_WHERE = "send this to /api/v1/auth/verify-email as the token\n\n"
