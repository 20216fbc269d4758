"""What somebody logs in with has changed: every other session of the account ends, and the present one goes on."""

from collections.abc import Callable
from time import time
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice
from knox.models import AuthToken

from ordersite.logins import second_factor, sessions
from ordersite.models import User
from tests.support.access import USERS, browser_of, person
from tests.support.logins import APP, CHECK, aged, code_of, with_app

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "many-brass-lanterns"


def is_logged_in(client: Client) -> bool:
    """Return whether the session is one of an account, with its second factor or before it."""
    return "/login/" not in str(client.get("/admin/").headers.get("Location", ""))


def is_open(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def change_password(browser: Client, user: User) -> None:
    sent = {"old_password": "secret-1", "new_password1": NEW, "new_password2": NEW}
    assert browser.post("/admin/password_change/", sent).status_code == 302


def set_own_password_as_staff(browser: Client, user: User) -> None:
    page = f"{USERS}{user.pk}/password/"
    sent = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    sent["seen"] = browser.get(page).context["form"].seen
    assert browser.post(page, sent).status_code == 302


def add_app(browser: Client, user: User) -> None:
    browser.get(APP)
    device = TOTPDevice.objects.get(user=user, confirmed=False)
    assert browser.post(APP, {"code": code_of(device)}).status_code == 200


def remove_app(browser: Client, user: User) -> None:
    key = TOTPDevice.objects.filter(user=user, confirmed=True).latest("pk").persistent_id
    assert browser.post("/admin/second-factor/remove/", {"key": key}).status_code == 302


def make_codes(browser: Client, user: User) -> None:
    assert browser.post("/admin/second-factor/codes/").status_code == 200


def reset_own(browser: Client, user: User) -> None:
    assert browser.post(f"{USERS}{user.pk}/reset-factor/", {"reason": "New telephone"}).status_code == 302


CHANGES = {
    "password": change_password,
    "password in the admin": set_own_password_as_staff,
    "app added": add_app,
    "app removed": remove_app,
    "codes": make_codes,
    "reset": reset_own,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_other_sessions_end_and_the_present_one_stays(change: Callable[[Client, User], None]) -> None:
    owner = person("owner", is_superuser=True)
    other_person, other = browser_of(person("ben")), browser_of(owner)
    AuthToken.objects.create(owner)
    if change is not add_app:
        device, second = with_app(owner), with_app(owner)
        browser = browser_of(owner)
        assert browser.post(CHECK, {"code": code_of(second)}).status_code == 302
        assert other.post(CHECK, {"code": code_of(device)}).status_code == 302
    else:
        browser = browser_of(owner)
    assert is_open(other)
    change(browser, owner)
    assert not is_logged_in(other)
    assert is_open(browser)
    assert not AuthToken.objects.filter(user=owner).exists(), "a token is a session of the API"
    assert is_open(other_person)


def test_a_superuser_who_resets_it_ends_all_sessions_of_that_account() -> None:
    anna, owner = person("anna"), person("owner", is_superuser=True)
    with_app(anna)
    hers, browser = browser_of(anna), browser_of(owner)
    assert browser.post(f"{USERS}{anna.pk}/reset-factor/", {"reason": "Lost"}).status_code == 302
    assert not is_logged_in(hers)
    assert is_open(browser)


def test_the_command_ends_them_too() -> None:
    anna = person("anna")
    with_app(anna)
    hers = browser_of(anna)
    call_command("reset_second_factor", "anna", reason="Lost the telephone")
    assert not is_logged_in(hers)
    assert is_open(browser_of(User.objects.get(pk=anna.pk)))


def test_a_session_from_before_the_update_goes_on() -> None:
    """Until something changes, the hash in a session is Django's own."""
    from django.contrib.auth.models import AbstractBaseUser

    anna = person("anna")
    assert anna.get_session_auth_hash() == AbstractBaseUser.get_session_auth_hash(anna)


def test_who_came_in_by_a_recovery_code_keeps_the_session_with_new_codes() -> None:
    anna = person("anna")
    with_app(anna)
    codes = second_factor.new_recovery_codes(anna)
    browser = browser_of(anna)
    assert browser.post(CHECK, {"code": codes[0]}).status_code == 302
    assert browser.post("/admin/second-factor/codes/").status_code == 200
    assert is_open(browser)


def test_a_session_of_forty_minutes_outlives_a_new_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django gives the session another key then, and the moment of the last use has to go along."""
    anna, now = person("anna"), [time()]
    monkeypatch.setattr(sessions, "time", lambda: now[0])
    browser = browser_of(anna)
    aged(browser, began_at=20)
    now[0] += 9 * 60
    assert is_open(browser)
    now[0] += 20 * 60
    assert is_open(browser)
    now[0] += 10
    change_password(browser, anna)
    assert is_open(browser)


def test_a_removed_factor_that_was_used_leaves_the_session_open_with_another() -> None:
    anna = person("anna")
    first, second = with_app(anna), with_app(anna)
    browser = browser_of(anna)
    assert browser.post(CHECK, {"code": code_of(second)}).status_code == 302
    answer: Any = browser.post("/admin/second-factor/remove/", {"key": second.persistent_id})
    assert answer.status_code == 302
    assert is_open(browser)
    assert second_factor.factors_of(anna) == [first]
