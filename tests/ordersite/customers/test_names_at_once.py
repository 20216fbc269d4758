"""Logins that want one name or address at the same moment: no statement fails in the server, which might log it."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from django.db import IntegrityError, connection
from django.test import Client
from rest_framework.test import APIClient

from eventstore.dispatch import Context
from eventstore.errors import CommandRefused
from eventstore.ids import new_id
from ordersite.customers import registration
from ordersite.models import User
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "a long one that nobody knows"
ADDRESS = "zqatonce@example.com"
AT_ONCE = 6


@pytest.fixture
def server_errors() -> Iterator[Callable[[], str]]:
    """Let the server log what fails in sessions that start now, with values; return a function that reads it."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        log = Path(cursor.fetchone()[0]) / "server.log"
        if not log.exists():
            pytest.skip("the server is not an embedded one")
        database = connection.ops.quote_name(connection.settings_dict["NAME"])
        for setting in ("log_min_messages", "log_min_error_statement"):
            cursor.execute(f"ALTER DATABASE {database} SET {setting} = 'error'")
        cursor.execute(f"ALTER DATABASE {database} SET log_error_verbosity = 'default'")
    before = log.stat().st_size
    yield lambda: log.read_bytes()[before:].decode(errors="replace")
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {database} RESET ALL")


def at_the_same_moment(*works: Callable[[], object]) -> list[object]:
    """Call the functions in threads that start together; return what each returned, or the refusal it raised."""
    outcomes: list[object] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        connection.ensure_connection()
        start.wait(30)
        try:
            outcomes.append(work())
        except (CommandRefused, registration.NameTaken) as refusal:
            outcomes.append(refusal)

    with at_once(*(lambda work=work: run(work) for work in works)):
        pass
    return outcomes


def registered(number: int, email: str) -> User:
    """Return a customer who named this address."""
    user = User(username=f"zq{number}", email=email, first_name="Ada")
    user.set_unusable_password()
    return registration.register(user, correlation_id=new_id())


def test_of_several_registrations_at_once_one_is_done_and_no_statement_fails(server_errors: Callable[[], str]) -> None:
    def register(number: int) -> Callable[[], int]:
        body = {"username": "zqatonce", "password": PASSWORD, "name": "Ada", "email": f"{number}{ADDRESS}"}
        return lambda: APIClient().post("/api/v1/auth/register", body, format="json").status_code

    def by_address(number: int) -> Callable[[], int]:
        body = {"password": PASSWORD, "name": "Ada", "email": ADDRESS}
        return lambda: APIClient().post("/api/v1/auth/register", body, format="json").status_code

    for each in (register, by_address):
        codes = at_the_same_moment(*map(each, range(AT_ONCE)))
        assert sorted(map(str, codes)) == ["201"] + ["400"] * (AT_ONCE - 1)
    assert "zqatonce" not in server_errors()
    assert "ERROR" not in server_errors()


def test_of_several_staff_accounts_at_once_one_is_saved_and_no_statement_fails(
    server_errors: Callable[[], str],
) -> None:
    """As by two people who send the admin's form at the same moment: each form found the name free."""

    def save() -> bool:
        try:
            User.objects.create_user("zqatonce", ADDRESS, PASSWORD, is_staff=True)
        except IntegrityError:
            return False
        return True

    assert sorted(map(str, at_the_same_moment(*[save] * AT_ONCE))) == ["False"] * (AT_ONCE - 1) + ["True"]
    assert "ERROR" not in server_errors()


def test_of_several_who_send_the_admins_form_at_once_one_is_told_no_in_the_form(
    log_in: Callable[..., Client], server_errors: Callable[[], str]
) -> None:
    log_in(username="root")
    User.objects.filter(username="root").update(is_superuser=True)
    form = {"username": "zqatonce", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}

    def add() -> int:
        client = Client()
        client.force_login(User.objects.get(username="root"))
        return client.post("/admin/ordersite/user/add/", form).status_code

    codes = at_the_same_moment(*[add] * AT_ONCE)
    assert sorted(map(str, codes)) == ["200"] * (AT_ONCE - 1) + ["302"]
    assert add() == 200, "and so is one who comes later"
    assert "ERROR" not in server_errors()


def test_of_several_who_verify_one_address_at_once_one_has_it_and_no_statement_fails(
    server_errors: Callable[[], str],
) -> None:
    people = [registered(number, ADDRESS) for number in range(AT_ONCE)]

    def verify(customer_id: UUID) -> object:
        return registration.verify_email(customer_id, ADDRESS, Context(actor=f"customer:{customer_id}"))

    at_the_same_moment(*(lambda key=person.customer_id: verify(key) for person in people))
    assert User.objects.filter(email=ADDRESS, email_verified=True).count() == 1
    assert "ERROR" not in server_errors()


def test_changes_of_address_and_verifications_at_once_do_not_deadlock(server_errors: Callable[[], str]) -> None:
    people = [registered(number, f"{number}{ADDRESS}") for number in range(AT_ONCE)]
    contexts = [Context(actor=f"customer:{person.customer_id}") for person in people]
    works: list[Callable[[], object]] = []
    for number, (person, context) in enumerate(zip(people, contexts, strict=True)):
        assert person.customer_id
        works.append(partial(registration.change_email, person, people[number - 1].email, context))
        again = Context(actor=context.actor)
        works.append(partial(registration.verify_email, person.customer_id, person.email, again))
    at_the_same_moment(*works)
    verified = User.objects.filter(email_verified=True).values_list("email", flat=True)
    assert len(set(verified)) == len(verified)
    assert "ERROR" not in server_errors()
