"""Claims of addresses lapse: an unverified address leaves a login that nobody uses, and stays with one in use."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from eventstore.dispatch import Context
from eventstore.models import Event
from ordersite.customers import claims, lookup, registration
from ordersite.models import User
from tests.support.registration import NEWCOMER, OWNERS, by_address, logs_in, verify

pytestmark = pytest.mark.django_db(transaction=True)


def later(monkeypatch: pytest.MonkeyPatch, **how: int) -> None:
    """Let the time that claims look at be so much later."""
    moment = timezone.now() + timedelta(**how)
    monkeypatch.setattr(claims, "timezone", SimpleNamespace(now=lambda: moment))


def claimed(password: str = NEWCOMER["password"]) -> User:
    return User.objects.get(customer_id=by_address(password=password).json()["customer_id"])


def test_a_claim_that_nobody_uses_lapses(projecting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = claimed()
    later(monkeypatch, days=settings.EMAIL_CLAIM_DAYS - 1)
    assert claims.lapse() == 0
    later(monkeypatch, days=settings.EMAIL_CLAIM_DAYS + 1)
    assert claims.lapse() == 1
    stranger.refresh_from_db()
    assert (stranger.email, stranger.username) == ("", f"customer-{stranger.customer_id}")
    assert stranger.customer_id
    assert lookup.current_customer(stranger.customer_id).email == ""
    assert Event.objects.latest("position").metadata["actor"] == "service:sweep"
    assert not logs_in("grace@example.com", NEWCOMER["password"])
    assert claims.lapse() == 0, "once"
    owner = by_address(password=OWNERS)
    assert owner.json()["username"] == "grace@example.com"
    assert User.objects.get(customer_id=owner.json()["customer_id"]).username == "grace@example.com"


def test_a_login_in_use_keeps_its_address(projecting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = claimed()
    assert logs_in("grace@example.com", NEWCOMER["password"])
    long_ago = timezone.now() - timedelta(days=400)
    User.objects.filter(pk=customer.pk).update(date_joined=long_ago)
    later(monkeypatch, days=settings.EMAIL_CLAIM_DAYS - 1)
    assert claims.lapse() == 0, "a log-in through the API counts"
    later(monkeypatch, days=settings.EMAIL_CLAIM_DAYS + 1)
    assert claims.lapse() == 1


def test_a_verified_address_stays(projecting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = claimed()
    verify(str(customer.customer_id))
    later(monkeypatch, days=4000)
    assert claims.lapse() == 0


def test_an_address_that_was_set_lately_stays(projecting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Staff give an address to a customer who has not logged in for a year."""
    customer = claimed()
    registration.change_email(customer, "grace@example.org", Context(actor="staff:anna"))
    long_ago = timezone.now() - timedelta(days=400)
    User.objects.filter(pk=customer.pk).update(date_joined=long_ago)
    assert claims.lapse() == 0
    later(monkeypatch, days=settings.EMAIL_CLAIM_DAYS + 1)
    assert claims.lapse() == 1


def test_the_setting_turns_it_off(projecting: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    claimed()
    settings.EMAIL_CLAIM_DAYS = 0
    later(monkeypatch, days=4000)
    assert claims.lapse() == 0


def test_staff_and_the_demo_shop_keep_theirs(projecting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for field in ("is_staff", "is_demo"):
        customer = claimed(password=f"nine-copper-bells-{field}")
        User.objects.filter(pk=customer.pk).update(**{field: True})
    later(monkeypatch, days=4000)
    assert claims.lapse() == 0
