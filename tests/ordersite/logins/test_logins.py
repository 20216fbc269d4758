"""How staff log in and stay logged in: password rules, length of a session, a fresh password, the list of log-ins."""

from time import time
from typing import Any

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from ordersite.admin.login_records import short_agent
from ordersite.logins import sessions
from ordersite.models import LoginRecord, User
from tests.support.access import USERS, browser_of, form_of, person
from tests.support.logins import aged, stale
from tests.support.site import make_customer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "password", ["seven888", "short-words", "Password1234!", "qwertyuiop12", "1" * 30, "anna.whitfield1"]
)
def test_a_password_that_is_short_known_or_about_the_person_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, User(username="anna.whitfield"))
    validate_password("many-brass-lanterns", User(username="anna"))


def test_every_door_refuses_a_weak_password(client: Client) -> None:
    body = {"email": "eve@example.com", "name": "Eve", "password": "seven888"}
    refused = client.post("/api/v1/auth/register", body, "application/json")
    assert refused.status_code == 400
    assert "password" in refused.content.decode()
    owner = person("owner", is_superuser=True)
    browser, new = browser_of(owner), {"password1": "seven888", "password2": "seven888", "usable_password": "true"}
    assert browser.post(f"{USERS}add/", {**new, "username": "eve"}).status_code == 200
    own = {"old_password": "secret-1", "new_password1": "seven888", "new_password2": "seven888"}
    assert browser.post("/admin/password_change/", own).status_code == 200
    page = f"{USERS}{make_customer().pk}/password/"
    assert browser.post(page, {**new, "seen": browser.get(page).context["form"].seen}).status_code == 200
    assert not User.objects.filter(username="eve").exists()
    assert User.objects.get(pk=owner.pk).check_password("secret-1")


@pytest.mark.parametrize(("minutes", "answer"), [(29, 200), (31, 302)])
def test_an_unused_session_ends(minutes: int, answer: int) -> None:
    browser = browser_of(person("anna"))
    aged(browser, began_at=minutes)
    assert browser.get("/admin/").status_code == answer


def test_use_keeps_a_session_until_the_day_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    browser, now = browser_of(person("anna")), [time()]
    monkeypatch.setattr(sessions, "time", lambda: now[0])
    for _ in range(11 * 3):
        now[0] += 20 * 60
        assert browser.get("/admin/").status_code == 200
    for _ in range(4):
        now[0] += 20 * 60
        answer = browser.get("/admin/")
    assert answer.status_code == 302
    assert "has ended" not in browser.session


def test_the_cookie_of_another_session_proves_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [time()]
    monkeypatch.setattr(sessions, "time", lambda: now[0])
    other, browser = browser_of(person("ben")), browser_of(person("anna"))
    now[0] += 20 * 60
    other.get("/admin/")
    now[0] += 15 * 60
    browser.cookies[sessions.COOKIE] = other.cookies[sessions.COOKIE].value
    assert browser.get("/admin/").status_code == 302


def test_what_cannot_be_undone_waits_for_the_password() -> None:
    owner, ben = person("owner", is_superuser=True), person("ben")
    browser, url = stale(owner), f"{USERS}{ben.pk}/change/"
    sent = {**form_of(browser, url), "is_superuser": "on", "reason": "Ben takes over"}
    asked = browser.post(url, sent)
    assert asked.status_code == 403
    assert "Your password" in asked.content.decode()
    kept = dict(asked.context["fields"])
    assert (kept["reason"], kept["is_superuser"]) == ("Ben takes over", "on")
    assert "not your password" in browser.post(url, {**kept, "fresh_password": "wrong"}).content.decode()
    assert not User.objects.get(pk=ben.pk).is_superuser
    assert browser.post(url, {**kept, "fresh_password": "secret-1"}).status_code == 302
    assert User.objects.get(pk=ben.pk).is_superuser
    assert browser.post(f"{USERS}{ben.pk}/delete/", {"post": "yes"}).status_code == 302, "not asked twice"


@pytest.mark.parametrize(
    "what", ["delete", "delete in the list", "password", "add", "group", "token", "program", "erase"]
)
def test_each_of_these_waits_for_the_password(what: str) -> None:
    browser, ada = stale(person("owner", is_superuser=True)), make_customer()
    page, fields = {
        "delete": (f"{USERS}{ada.pk}/delete/", {"post": "yes"}),
        "delete in the list": (USERS, {"action": "delete_selected", "_selected_action": ada.pk, "post": "yes"}),
        "password": (f"{USERS}{ada.pk}/password/", {}),
        "add": (f"{USERS}add/", {}),
        "group": ("/admin/auth/group/add/", {}),
        "token": ("/admin/knox/authtoken/add/", {"user": ada.pk}),
        "program": ("/admin/ordersite/serviceaccount/add/", {}),
        "erase": (f"{USERS}{ada.pk}/erase/", {}),
    }[what]
    answer: Any = browser.post(page, fields)
    assert answer.status_code == 403
    assert "Your password" in answer.content.decode()
    assert User.objects.filter(pk=ada.pk, is_active=True).exists()


def test_log_ins_failures_log_outs_and_grants_are_listed(client: Client) -> None:
    person("anna")
    page = reverse("admin:login")
    client.post(page, {"username": "anna", "password": "wrong"})
    client.post(page, {"username": "anna", "password": "secret-1"}, headers={"User-Agent": "A browser"})
    client.post(reverse("admin:logout"))
    client.post("/api/v1/auth/login", {"username": "anna", "password": "secret-1"}, "application/json")
    entries = LoginRecord.objects.filter(name="anna").order_by("pk").values_list("kind", "door")
    assert list(entries) == [("failed", "admin"), ("logged_in", "admin"), ("logged_out", "admin"), ("logged_in", "API")]
    access = LoginRecord.objects.get(kind="access")
    assert access.detail.startswith("got staff. By command-line")
    shown = browser_of(person("owner", is_superuser=True)).get("/admin/ordersite/loginrecord/?q=anna")
    page = shown.content.decode()
    for text in ("Log-in failed", "Logged in", "Logged out", '<span title="A browser">A</span>'):
        assert text in page, text


def test_the_list_cannot_be_edited_and_ends(settings: Any) -> None:
    from ordersite.logins.records import prune

    browser = browser_of(person("owner", is_superuser=True))
    entry = LoginRecord.objects.latest("pk")
    for page in ("add/", f"{entry.pk}/delete/"):
        assert browser.post(f"/admin/ordersite/loginrecord/{page}", {"post": "yes"}).status_code == 403
    assert prune() == 0
    settings.AUDIT_DAYS = -1
    assert prune() >= 1


@pytest.mark.parametrize(
    ("agent", "short"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/146.0 Safari/537.36", "Chrome, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile Safari/604.1", "Safari, iPhone"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("x" * 200, "x" * 40),
    ],
)
def test_the_list_names_browsers_in_short(agent: str, short: str) -> None:
    assert short_agent(agent) == short
