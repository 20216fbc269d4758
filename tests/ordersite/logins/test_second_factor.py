"""The second factor of people of staff: set up, asked for, lost and reset; and no way around it through the API."""

import re
from typing import Any

import pytest
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from ordersite.logins import second_factor
from ordersite.models import User
from tests.support.access import USERS, browser_of, form_of, person, recorded
from tests.support.logins import APP, CHECK, code_of, log_in, with_app
from tests.support.site import make_customer

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_app_is_set_up_without_javascript_and_then_asked_for() -> None:
    anna = person("anna")
    browser = browser_of(anna)
    page = browser.get(APP).content.decode()
    assert "otpauth" not in page, "the key is in the picture and as text, not in an address that a log keeps"
    device = TOTPDevice.objects.get(user=anna)
    assert browser.post(APP, {"code": "000000"}).status_code == 200
    assert not second_factor.has_factor(anna)
    made = browser.post(APP, {"code": code_of(device)}).content.decode()
    codes = re.findall(r"<code>(\w+)</code>", made)
    assert len(codes) == 10
    assert [data["change"] for _, _, data in recorded("staff:anna")[1:]] == ["app added", "recovery codes made"]
    assert browser.get("/admin/").status_code == 200

    again = browser_of(anna)
    led = again.get(f"{USERS}?q=x")
    assert led.status_code == 302
    assert led["Location"].startswith(CHECK)
    assert "not right" in again.post(CHECK, {"code": "123"}).content.decode()
    assert again.get("/admin/").status_code == 302
    sent = again.post(CHECK, {"code": code_of(device), "next": "/admin/ordersite/"})
    assert (sent.status_code, sent["Location"]) == (302, "/admin/ordersite/")
    assert again.get("/admin/").status_code == 200

    lost = browser_of(anna)
    assert lost.post(CHECK, {"code": codes[0]}).status_code == 302
    assert lost.get("/admin/").status_code == 200
    assert browser_of(anna).post(CHECK, {"code": codes[0]}).status_code == 200, "a recovery code works once"


def test_nothing_of_the_admin_opens_before_the_second_factor() -> None:
    owner = person("owner", is_superuser=True)
    with_app(owner)
    browser = browser_of(owner)
    for path in (
        "/admin/",
        USERS,
        f"{USERS}{owner.pk}/change/",
        "/admin/second-factor/app/",
        "/admin/password_change/",
    ):
        assert browser.get(path).status_code == 302, path
    assert browser.post(f"{USERS}{owner.pk}/delete/", {"post": "yes"}).status_code == 302
    assert browser.post("/admin/second-factor/codes/").status_code == 302
    assert browser.post("/admin/second-factor/remove/", {"key": "x"}).status_code == 302
    assert browser.post("/admin/second-factor/passkeys/registration/begin/").status_code == 403
    assert User.objects.filter(pk=owner.pk).exists()


def test_the_setting_requires_one_of_staff(settings: Any) -> None:
    anna = person("anna")
    assert browser_of(anna).get("/admin/").status_code == 200
    settings.REQUIRE_SECOND_FACTOR = True
    browser = browser_of(anna)
    led = browser.get("/admin/")
    assert led["Location"].startswith("/admin/second-factor/?")
    page = browser.get(led["Location"]).content.decode()
    assert "requires one" in page
    assert "Set up an app" in page


def test_the_api_asks_for_it_too(client: Client, settings: Any) -> None:
    anna = person("anna")
    assert log_in(client).status_code == 200
    settings.REQUIRE_SECOND_FACTOR = True
    assert log_in(client).json()["code"] == "second_factor_missing"
    device = with_app(anna)
    assert log_in(client).json()["code"] == "second_factor_needed"
    assert log_in(client, second_factor="000001").json()["code"] == "second_factor_wrong"
    assert log_in(client, second_factor=code_of(device)).status_code == 200
    make_customer()
    assert log_in(client, username="ada").status_code == 200, "customers need none"


def test_a_superuser_resets_a_lost_one(client: Client) -> None:
    anna, owner = person("anna"), person("owner", is_superuser=True)
    with_app(anna)
    url = f"{USERS}{anna.pk}/reset-factor/"
    assert browser_of(person("clerk", "ordersite.change_user")).post(url, {"reason": "x"}).status_code == 403
    browser = browser_of(owner)
    assert browser.get(url).status_code == 200
    assert browser.post(url, {"reason": "Lost the telephone"}).status_code == 302
    assert not second_factor.has_factor(anna)
    actor, _, data = recorded("staff:anna")[-1]
    assert (actor, data["change"], data["reason"]) == ("staff:owner", "second factor reset", "Lost the telephone")


def test_a_deleted_account_takes_its_factors_along() -> None:
    anna = person("anna")
    with_app(anna)
    anna.delete()
    assert not TOTPDevice.objects.exists()
    assert form_of(browser_of(person("owner", is_superuser=True)), f"{USERS}add/")
