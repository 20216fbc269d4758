"""Error pages say what happened, what to do next, and the id of the request. Staff get them inside the admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from ordersite import error_pages
from ordersite.roles import ACCOUNTANTS, BACK_OFFICE

pytestmark = pytest.mark.django_db(transaction=True)
LogIn = Callable[..., Client]
LOOK = "/admin/projections/build/look/"  # takes POST only


def page_of(answer: Any, status: int) -> str:
    """Return the page, which must show the id that the header names."""
    assert answer.status_code == status
    assert answer["Content-Type"].startswith("text/html")
    page = str(answer.content.decode())
    assert f"<code>{answer['X-Request-ID']}</code>" in page
    assert "/admin/" in page, "a way back"
    return page


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], Client]:
    """Return a function that makes a page fail with an error, and returns a client."""

    def fail_with(error: Exception) -> Client:
        def fail(*arguments: Any) -> Any:
            raise error

        from ordersite.urls import urlpatterns

        monkeypatch.setattr(urlpatterns[1], "callback", fail)  # /favicon.ico
        return Client(raise_request_exception=False)

    return fail_with


def test_a_stranger_gets_a_page_of_its_own_for_a_wrong_address(client: Client) -> None:
    page = page_of(client.get("/nope"), 404)
    assert "There is nothing here" in page
    assert "stylesheet" not in page, "it needs no static file"


def test_staff_get_the_page_inside_the_admin(log_in: LogIn) -> None:
    accountant = log_in(ACCOUNTANTS)
    for answer, status, words in (
        (accountant.get("/admin/projections/stafforder/"), 403, "Ask an administrator for the permission"),
        (accountant.get("/admin/nothing/"), 404, "There is nothing here"),
        (log_in(BACK_OFFICE, username="ben").get(LOOK), 405, "use the buttons of the page"),
    ):
        page = page_of(answer, status)
        assert words in page
        assert "nav-sidebar" in page


def test_a_method_that_is_not_allowed_still_says_which_are(log_in: LogIn) -> None:
    assert log_in(BACK_OFFICE).get(LOOK)["Allow"] == "POST"


def test_a_refused_form_says_why_and_leads_back_to_it() -> None:
    strict = Client(enforce_csrf_checks=True)
    page = page_of(strict.post("/admin/login/", {"username": "anna"}), 403)
    assert "logged in or out in another tab" in page
    assert 'href="/admin/login/"' in page


def test_an_unexpected_error_shows_its_id_and_asks_nothing_that_may_fail(
    errors: Callable[[Exception], Client], log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff = log_in(BACK_OFFICE)
    client = errors(ZeroDivisionError("a secret of the code"))
    client.cookies = staff.cookies

    def no_database(*arguments: Any) -> Any:
        raise OperationalError("the database is gone")

    monkeypatch.setattr(connection, "cursor", no_database)
    page = page_of(client.get("/favicon.ico"), 500)
    assert "Something went wrong on our side" in page
    assert "report the request" in page
    assert "secret" not in page


def test_without_its_database_the_site_says_that_it_will_be_back(errors: Callable[[Exception], Client]) -> None:
    answer = errors(OperationalError("the database is gone")).get("/favicon.ico")
    assert "does not answer now" in page_of(answer, 503)
    assert answer["Retry-After"] == "60"


def test_the_page_is_in_the_language_of_the_browser(client: Client) -> None:
    answer = client.get("/nope", headers={"Accept-Language": "ru"})
    page = page_of(answer, 404)
    assert '<html lang="ru">' in page
    assert "Здесь ничего нет" in page
    assert "Номер запроса" in page
    assert (answer["Content-Language"], "Accept-Language" in answer["Vary"]) == ("ru", True)


def test_what_is_too_long_or_malformed_is_explained(client: Client) -> None:
    assert "The address is too long" in page_of(client.get("/admin/", {"q": "x" * 9_000}), 414)
    assert "The browser sent too much" in page_of(client.get("/admin/", headers={"X-Long": "x" * 20_000}), 431)
    answer = client.get("/admin/", headers={"Host": "elsewhere.example"})
    assert "Go back, open the page again" in page_of(answer, 400)


def test_the_api_keeps_its_problems(client: Client) -> None:
    answer = client.get("/api/v1/nope")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_client_cannot_put_html_into_the_page(client: Client) -> None:
    page = page_of(client.get("/<b>", headers={"X-Request-ID": "plain-id"}), 404)
    assert "<b>" not in page
    answer = client.get("/nope", headers={"X-Request-ID": "<script>"})
    assert "<script>" not in answer.content.decode()
    assert "&lt;script&gt;" in answer.content.decode()


def test_every_kind_of_error_has_all_its_texts() -> None:
    assert set(error_pages.TITLES) == set(error_pages.HAPPENED) == set(error_pages.ADVICE)
