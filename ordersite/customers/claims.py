"""Addresses that customers name and never verify: such a claim lapses when its login is no longer used.

A claim holds nothing: several customers may name one address, and it belongs to whoever verifies it. But an abandoned
claim keeps the address of a person who may never have heard of the shop. docs/decisions/78-claims-lapse.md says why it
is the last log-in that counts.
"""

import logging
from datetime import datetime, timedelta
from itertools import islice

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from knox.models import AuthToken

from eventstore import store
from eventstore.dispatch import Context
from eventstore.errors import CommandRefused
from ordersite.customers.registration import release
from ordersite.models import User

log = logging.getLogger(__name__)

ACTOR = "service:sweep"
AT_ONCE = 1000  # claims that one run ends; the next run goes on


@shared_task(name="ordersite.claims.lapse")
def lapse() -> int:
    """Take unverified addresses away from logins that were not used for EMAIL_CLAIM_DAYS. Return how many."""
    if not settings.EMAIL_CLAIM_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.EMAIL_CLAIM_DAYS)
    keys = list(_unused_since(before).order_by("pk").values_list("pk", flat=True))
    lapsed = (key for key in keys if _lapse(key, before))
    return sum(1 for _ in islice(lapsed, AT_ONCE))


def _unused_since(before: datetime) -> QuerySet[User]:
    """Return customers with an unverified address who have not logged in since, and have no token that is valid."""
    valid = AuthToken.objects.filter(user=OuterRef("pk"), expiry__gt=timezone.now())
    claims = User.objects.filter(customer_id__isnull=False, email_verified=False, is_staff=False, is_demo=False)
    used = Coalesce(F("last_login"), F("date_joined"))
    return claims.exclude(email="").alias(used=used).filter(~Exists(valid), used__lt=before)


def _lapse(key: int, before: datetime) -> bool:
    """Take the address away, unless the login was used or changed meanwhile. Return whether it was taken."""
    with transaction.atomic():
        user = _unused_since(before).select_for_update(of=("self",)).filter(pk=key).first()
        if user is None or _named_at(user) >= before:
            return False
        try:
            release(user, Context(actor=ACTOR))
        except CommandRefused as refusal:
            log.warning("the claim of customer %s does not lapse: %s", user.customer_id, refusal.message)
            return False
    return True


def _named_at(user: User) -> datetime:
    """Return when the customer's address was last changed: staff may have set it long after the last log-in."""
    assert user.customer_id
    facts = store.read_stream(user.customer_id, tolerant=True)
    return facts[-1].timestamp if facts else user.date_joined
