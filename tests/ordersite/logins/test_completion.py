"""A password alone is half of a log-in where a second factor is needed: nothing that a log-in gives comes before it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse

from ordersite.admin.forms.kept_forms import form_owner
from ordersite.models import LoginRecord, User
from tests.support.access import USERS, person
from tests.support.logins import APP, CHECK, code_of, log_in, with_app
from tests.support.site import make_customer

pytestmark = pytest.mark.django_db(transaction=True)


def enter(name: str = "anna") -> Client:
    """Return a browser in which somebody gave a right password, and nothing else."""
    client = Client()
    client.post(reverse("admin:login"), {"username": name, "password": "secret-1"})
    return client


def kinds() -> list[str]:
    return list(LoginRecord.objects.filter(name="anna").order_by("pk").values_list("kind", flat=True))


def is_known(client: Client) -> bool:
    return any(name.startswith("device_") and morsel.value for name, morsel in client.cookies.items())


def last_login(user: User) -> Any:
    return User.objects.get(pk=user.pk).last_login


def test_without_a_second_factor_the_password_is_enough() -> None:
    anna = person("anna")
    browser = enter()
    assert kinds() == ["logged_in"]
    assert is_known(browser)
    assert last_login(anna) is not None


def test_a_password_alone_is_no_log_in() -> None:
    anna = person("anna")
    with_app(anna)
    browser = enter()
    assert kinds() == ["password"], "whoever looks after the site sees that somebody knows the password"
    assert not is_known(browser)
    assert last_login(anna) is None
    assert browser.post(CHECK, {"code": "000000"}).status_code == 200
    assert kinds() == ["password", "code_refused"]
    assert not is_known(browser)


def test_the_second_factor_completes_the_log_in() -> None:
    anna = person("anna")
    device = with_app(anna)
    browser = enter()
    before = browser.session.session_key
    assert browser.post(CHECK, {"code": code_of(device)}).status_code == 302
    assert kinds() == ["password", "logged_in"]
    assert is_known(browser)
    assert last_login(anna) is not None
    assert browser.session.session_key != before, "whoever knew the session before does not know it now"
    assert browser.get("/admin/").status_code == 200


def test_a_form_that_is_sent_before_the_second_factor_is_kept() -> None:
    """Its login had ended while it was open, and another tab has given the password only."""
    anna = person("anna", is_superuser=True)
    device, url = with_app(anna), f"{USERS}{person('ben').pk}/change/"
    opened = RequestFactory().get(url)
    opened.user = anna
    owner = form_owner(opened)["form_owner"]()
    browser = enter()
    led = browser.post(url, {"form_owner": owner, "first_name": "Benjamin the Second"})
    assert led["Location"].startswith(CHECK)
    back = parse_qs(urlsplit(led["Location"]).query)["next"][0]
    accepted = browser.post(CHECK, {"code": code_of(device), "next": back})
    assert (accepted.status_code, accepted["Location"]) == (302, back)
    (kept,) = parse_qs(urlsplit(back).query)["kept"]
    form = browser.session["kept_forms"][kept]
    assert (form["path"], form["data"]) == (url, {"first_name": ["Benjamin the Second"]})
    assert not User.objects.filter(first_name="Benjamin the Second").exists(), "kept, and not sent"


def test_where_one_is_required_setting_it_up_completes_the_log_in(settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    anna = person("anna")
    browser = enter()
    assert kinds() == ["password"]
    assert not is_known(browser)
    browser.get(APP)
    from django_otp.plugins.otp_totp.models import TOTPDevice

    assert browser.post(APP, {"code": code_of(TOTPDevice.objects.get(user=anna))}).status_code == 200
    assert kinds()[:1] == ["password"]
    assert "logged_in" in kinds()
    assert is_known(browser)
    assert browser.get("/admin/").status_code == 200


def test_the_api_remembers_a_device_only_after_the_second_factor(client: Client) -> None:
    anna = person("anna")
    device = with_app(anna)
    assert log_in(client).status_code == 401
    assert log_in(client, second_factor="000000").status_code == 401
    assert not is_known(client)
    assert last_login(anna) is None
    assert kinds() == ["password", "password", "code_refused"]
    assert log_in(client, second_factor=code_of(device)).status_code == 200
    assert is_known(client)
    assert last_login(anna) is not None
    assert kinds()[-1] == "logged_in"


def test_a_customer_who_logs_in_by_address_has_a_known_device(client: Client, settings: Any) -> None:
    """The name in the table is another one if somebody else claims the address, too."""
    ada = make_customer()
    User.objects.filter(pk=ada.pk).update(username=f"customer-{ada.customer_id}", email_verified=False)
    assert log_in(client, username=ada.email).status_code == 200
    settings.LOGIN_RATE = "4/min"
    for number in range(6):
        log_in(Client(REMOTE_ADDR=f"10.0.0.{number}"), username=ada.email, password="wrong")
    assert log_in(Client(REMOTE_ADDR="10.1.1.1"), username=ada.email).status_code == 429
    assert log_in(client, username=ada.email).status_code == 200
