"""The list of log-ins, failures, log-outs and changes of access, for people who look after the site.

It is for reading and is deleted after AUDIT_DAYS; changes of access are in the log for ever.
"""

from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.contrib.auth import signals
from django.http import HttpRequest
from django.utils import timezone

from orders.http.client_address import address_of
from orders.http.request import is_api
from ordersite.models import LoginRecord

Kind = LoginRecord.Kind


def note(request: HttpRequest | None, kind: str, name: str, user: Any = None, detail: str = "") -> None:
    """Add an entry. `name` is the account's name as it was typed."""
    agent = request.headers.get("User-Agent", "") if request else ""
    LoginRecord.objects.create(
        kind=kind,
        name=clean(name)[:150],
        user_id=user.pk if user is not None else None,
        door=("API" if is_api(request) else "admin") if request else "command line",
        address=(address_of(request) or "") if request else "",
        agent=clean(agent)[:200],
        detail=clean(detail)[:500],
    )


def clean(text: str) -> str:
    """Return the text without characters that PostgreSQL does not store."""
    return text.replace("\0", "")


def connect() -> None:
    """Connect the receivers of Django's signals. Call it once, when the application starts.

    Log-ins are noted by `ordersite.logins.completion`: a right password may be half of one only.
    """
    signals.user_logged_out.connect(_note_logout)
    signals.user_login_failed.connect(_note_failure)


def _note_logout(sender: Any, request: HttpRequest, user: Any, **signal: Any) -> None:
    if user is not None:
        note(request, Kind.LOGGED_OUT, user.get_username(), user)


def _note_failure(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **signal: Any) -> None:
    note(request, Kind.FAILED, str(credentials.get("username", "")))


def forget(user: Any) -> None:
    """Delete what the list says about an account, as part of an erasure."""
    LoginRecord.objects.filter(user_id=user.pk).delete()
    LoginRecord.objects.filter(name__in=[name for name in (user.username, user.email) if name]).delete()


@shared_task(name="ordersite.logins.prune")
def prune() -> int:
    """Delete entries that are older than AUDIT_DAYS. Return how many there were."""
    oldest = timezone.now() - timedelta(days=settings.AUDIT_DAYS)
    return LoginRecord.objects.filter(at__lt=oldest).delete()[0]
